// What tickets are drawn with, as one module: see README.md beside this file.
export { encodeQR } from "qr";
