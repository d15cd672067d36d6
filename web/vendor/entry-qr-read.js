// What a door reads codes with, as one module: see README.md beside this file.
export { decodeQR } from "qr/decode.js";
