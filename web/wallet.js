// The user's points.

import { call } from "./api.js";

export const balanceNow = async () => (await call("GET", "/points")).body.balance;

/** @param key one per intent: the same on a repeat, so that points move once */
export const charge = async (amount, key) => (await call("POST", "/points/charges", { body: { amount }, key })).body;

export const use = async (amount, reason, key) =>
  (await call("POST", "/points/uses", { body: { amount, ...(reason && { reason }) }, key })).body;

/** 128 random bits. (`randomUUID` exists on https and localhost only.) */
export const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
