// The user's points.

import { call } from "./api.js";

export const balanceNow = async () => (await call("GET", "/points")).body.balance;

/** @param key one per intent: the same on a repeat, so that points move once */
export const charge = async (amount, key) => (await call("POST", "/points/charges", { body: { amount }, key })).body;

export const use = async (amount, reason, key) =>
  (await call("POST", "/points/uses", { body: { amount, ...(reason && { reason }) }, key })).body;

export const newKey = () => crypto.randomUUID();
