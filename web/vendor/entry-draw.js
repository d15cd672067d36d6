// What the check of the draw uses of its libraries, as one module: see README.md beside this file.
export { bls12_381 } from "@noble/curves/bls12-381.js";
export { ed25519 } from "@noble/curves/ed25519.js";
export { sha256 } from "@noble/hashes/sha2.js";
