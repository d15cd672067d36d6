// The check of a draw, as docs/draw.md says it, with libraries of another house than the service's.
//
// Everything is computed from what was published: nothing of the answer is believed. Loaded when somebody checks, not
// before: the libraries are larger than the page's own.

import { bls12_381, ed25519, sha256 } from "./vendor/draw.js";

const CHAIN_KEY =
  "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451" +
  "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";
const DOMAIN = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
const ID_BYTES = 32;
const KEY_BYTES = 10;
const PIECES = 4096;
const BREATH = 10_000;

const bytes = (hex) => {
  if (!/^([0-9a-f]{2})*$/.test(hex)) throw new TypeError("not hex");
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
};
const hex = (raw) => Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("");
const text = (string) => new TextEncoder().encode(string);
const fromBase64Url = (string) =>
  Uint8Array.from(atob(string.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));

const join = (...parts) => {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
};

const compare = (left, right) => {
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return left[at] - right[at];
  return 0;
};

/** The randomness of a round of the beacon, or null if its signature is not the network's. */
export function randomnessOf(round, signature) {
  try {
    const number = new Uint8Array(8);
    new DataView(number.buffer).setBigUint64(0, BigInt(round));
    const { Signature, hash, verify } = bls12_381.shortSignatures;
    const genuine = verify(Signature.fromHex(signature), hash(sha256(number), DOMAIN), bytes(CHAIN_KEY));
    return genuine ? hex(sha256(bytes(signature))) : null;
  } catch {
    return null; // not a point of the group
  }
}

/** The seed of a draw; `randomness` is null where there is no beacon. */
export const seedOf = (lobbyId, root, secret, randomness) =>
  hex(sha256(join(text(lobbyId), bytes(root), bytes(secret), bytes(randomness ?? ""))));

/** The key that an entry is ordered by. */
export const keyOf = (seed, entryId) => sha256(join(bytes(seed), bytes(entryId)));

/** Which piece a key is in. */
export const pieceOf = (key) => (key[0] << 4) | (key[1] >> 4);

/** The name of a piece among the published files. */
export const pieceName = (index) => index.toString(16).padStart(3, "0");

/** The number that a piece gives to a key, or null. */
export function numberIn(piece, key) {
  const before = new DataView(piece.buffer, piece.byteOffset).getUint32(0);
  for (let at = 4; at + KEY_BYTES <= piece.length; at += KEY_BYTES) {
    if (compare(piece.subarray(at, at + KEY_BYTES), key) === 0) return before + (at - 4) / KEY_BYTES + 1;
  }
  return null;
}

/** How many seconds after the draw whoever has this number calls first. */
export const firstCall = (number, front, perSecond) => Math.max(0, number - front) / perSecond;

/** What is signed of a receipt. */
export const receiptText = ({ concertId, entryId, joinedAt, lobbyId }) =>
  JSON.stringify({ concertId, entryId, joinedAt, lobbyId });

/** Whether this service signed the receipt. The key and the signature are base64url. */
export function isSigned(receipt, publicKey) {
  try {
    return ed25519.verify(fromBase64Url(receipt.signature), text(receiptText(receipt)), fromBase64Url(publicKey));
  } catch {
    return false;
  }
}

/** The Merkle root of a list of entries; null if the list is cut, not in order or has an entry twice. */
export async function rootOf(entries, breathe = async () => {}) {
  if (entries.length % ID_BYTES) return null;
  let count = entries.length / ID_BYTES;
  if (!count) return hex(sha256(new Uint8Array()));
  const level = new Uint8Array(entries.length); // one flat level, each written over the one below: a phone has little room
  const at = (list, index) => list.subarray(index * ID_BYTES, (index + 1) * ID_BYTES);
  for (let index = 0; index < count; index++) {
    if (index && compare(at(entries, index - 1), at(entries, index)) >= 0) return null;
    level.set(sha256(join(Uint8Array.of(0), at(entries, index))), index * ID_BYTES);
    if (index % BREATH === 0) await breathe();
  }
  for (; count > 1; count = Math.ceil(count / 2)) {
    for (let index = 0; 2 * index < count; index++) {
      const isPair = 2 * index + 1 < count;
      const pair = level.subarray(2 * index * ID_BYTES, 2 * (index + 1) * ID_BYTES);
      level.set(isPair ? sha256(join(Uint8Array.of(1), pair)) : at(level, 2 * index), index * ID_BYTES);
      if (index % BREATH === 0) await breathe();
    }
  }
  return hex(at(level, 0));
}

/**
 * The piece of this index as it has to be, from the seed and the list, and whether the entry is in the list.
 * An entry's number is then what the piece says, since the whole order follows from the list.
 */
async function expectedPiece(seed, entries, index, entryId, breathe) {
  const start = bytes(seed);
  const wanted = entryId ? bytes(entryId) : null;
  const keys = [];
  let before = 0;
  let isListed = false;
  for (let at = 0; at < entries.length; at += ID_BYTES) {
    const entry = entries.subarray(at, at + ID_BYTES);
    const key = sha256(join(start, entry));
    const piece = pieceOf(key);
    if (piece < index) before += 1;
    else if (piece === index) keys.push(key);
    isListed ||= wanted !== null && compare(entry, wanted) === 0;
    if ((at / ID_BYTES) % BREATH === 0) await breathe();
  }
  const file = new Uint8Array(4 + KEY_BYTES * keys.length);
  new DataView(file.buffer).setUint32(0, before);
  keys.sort(compare).forEach((key, place) => file.set(key.subarray(0, KEY_BYTES), 4 + KEY_BYTES * place));
  return { file, isListed };
}

/**
 * Check a draw. `draw` is the API's answer; `entries` the published list; `readPiece(index)` reads a published piece;
 * `receipt` is the fan's own, with the service's `publicKey`; `seenRoot` the root that this browser saw before the
 * round. What is left out is not checked.
 *
 * Returns {passed, failed, number}: names of what was checked, of
 * commitment, rootSeen, beacon, seed, list, receipt, listed, piece.
 */
export async function check({ draw, entries, readPiece, receipt, publicKey, seenRoot, breathe }) {
  const passed = [];
  const failed = [];
  const note = (name, isRight) => (isRight ? passed : failed).push(name);

  note("commitment", hex(sha256(bytes(draw.secret))) === draw.commitment);
  if (seenRoot) note("rootSeen", seenRoot === draw.entriesRoot);
  let randomness = null;
  if (draw.beacon) {
    randomness = randomnessOf(draw.beacon.round, draw.beacon.signature);
    note("beacon", randomness !== null && randomness === draw.beacon.randomness);
  }
  note("seed", seedOf(draw.lobbyId, draw.entriesRoot, draw.secret, randomness) === draw.seed);
  note("list", entries.length / ID_BYTES === draw.entries && (await rootOf(entries, breathe)) === draw.entriesRoot);

  let number = null;
  const key = receipt ? keyOf(draw.seed, receipt.entryId) : null;
  const index = key ? pieceOf(key) : Math.floor(Math.random() * PIECES);
  const expected = await expectedPiece(draw.seed, entries, index, receipt?.entryId, breathe ?? (async () => {}));
  if (receipt) {
    const isOfThis = receipt.lobbyId === draw.lobbyId && receipt.concertId === draw.concertId;
    note("receipt", isOfThis && isSigned(receipt, publicKey));
    note("listed", expected.isListed);
    number = numberIn(expected.file, key);
  }
  const piece = await readPiece(index);
  const isNone = piece.length === 0 && expected.file.length === 4; // a piece without keys need not be published
  note("piece", isNone || (piece.length === expected.file.length && compare(piece, expected.file) === 0));
  return { passed, failed, number };
}
