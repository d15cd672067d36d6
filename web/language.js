// Korean and English: one table each, read through `t`. Numbers, dates and points are written by Intl.

import { computed, effect, signal } from "./vendor/libraries.js";
import en from "./i18n/en.js";
import ko from "./i18n/ko.js";
import { recall, remember } from "./storage.js";

const tables = { ko, en };
const preferred = () => (navigator.languages?.[0] ?? navigator.language ?? "").toLowerCase().startsWith("ko");

export const language = signal(tables[recall("language")] ? recall("language") : preferred() ? "ko" : "en");
const table = computed(() => tables[language.value]);
const plural = computed(() => new Intl.PluralRules(language.value));

effect(() => {
  document.documentElement.lang = language.value;
});

export function speak(tag) {
  language.value = tag;
  remember("language", tag);
}

/**
 * The sentence of that name ("seats.pick"), with `{name}` filled in. A sentence with forms, {one, other}, is chosen by `n`.
 * What is filled in is text, never markup.
 */
export function t(name, values = {}) {
  let sentence = name.split(".").reduce((at, key) => at?.[key], table.value);
  if (typeof sentence === "object") sentence = sentence[plural.value.select(values.n)] ?? sentence.other;
  if (sentence === undefined) throw new Error(`No sentence called ${name}`);
  return sentence.replace(/\{(\w+)\}/g, (_, key) => (typeof values[key] === "number" ? number(values[key]) : values[key] ?? ""));
}

/** A text of the catalog in the reader's language, if it was written in it; otherwise as it stands. */
export const told = (thing, member) => thing?.translations?.[language.value]?.[member] ?? thing?.[member];

/** Everything that the catalog says of a text, in whatever language: for finding. */
export const everyWord = (thing, members) =>
  [thing, ...Object.values(thing.translations ?? {})].flatMap((words) => members.map((member) => words[member] ?? "")).join(" ");

export const known = (name) => name.split(".").reduce((at, key) => at?.[key], table.value) !== undefined;

const formats = new Map();
function format(kind, options) {
  const key = `${language.value} ${kind.name} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new kind(language.value, options));
  return formats.get(key);
}

export const number = (value) => format(Intl.NumberFormat, {}).format(value);
export const points = (value) => `${number(value)} P`;

/** "1,200" with its sign. */
export const signed = (value) => format(Intl.NumberFormat, { signDisplay: "exceptZero" }).format(value);

function zoned(options, timeZone) {
  try {
    return format(Intl.DateTimeFormat, { ...options, timeZone });
  } catch {
    return format(Intl.DateTimeFormat, { ...options, timeZone: "UTC", timeZoneName: "short" });
  }
}

const here = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
const offset = (at, zone) => {
  try {
    return new Date(at).toLocaleString("en", { timeZone: zone, timeZoneName: "longOffset" }).split(" ").pop();
  } catch {
    return null;
  }
};

/** "2026년 12월 24일 (목)", "Thu, December 24, 2026" */
export const day = (at, zone) =>
  zoned({ year: "numeric", month: language.value === "ko" ? "short" : "long", day: "numeric", weekday: "short" }, zone).format(new Date(at));

/** The clock at the venue; named when it is not the reader's. */
export function time(at, zone) {
  const foreign = zone && offset(at, zone) !== offset(at, here());
  return zoned({ hour: "numeric", minute: "2-digit", ...(foreign && { timeZoneName: "short" }) }, zone).format(new Date(at));
}

/** With seconds: for moments that everybody waits for. */
export const clock = (at) => zoned({ hour: "numeric", minute: "2-digit", second: "2-digit" }).format(new Date(at));

export const dayAndTime = (at, zone) => `${day(at, zone)} ${time(at, zone)}`;

/** Without the year: for tight places. */
export const shortDay = (at, zone) => zoned({ month: "short", day: "numeric", weekday: "short" }, zone).format(new Date(at));

/** "4:05", "1:02:09" */
export function clockFace(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value) => String(value).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A span that is there at least: whole minutes, below that tens of seconds. Seldom changes, so that it does not flicker. */
export const roundedDown = (seconds) => span(seconds >= 60 ? Math.floor(seconds / 60) * 60 : Math.max(5, Math.floor(seconds / 10) * 10));

/** "5분", "90초": a rule, said exactly. */
export const span = (seconds) => (seconds % 60 ? t("span.exact", { n: seconds }) : t("span.exactMinutes", { n: seconds / 60 }));

/** "약 3분", "about 3 minutes": a span that nobody will measure. */
export function roughly(seconds) {
  if (seconds < 60) return t("span.seconds", { n: Math.max(5, Math.ceil(seconds / 5) * 5) });
  if (seconds < 3600) return t("span.minutes", { n: Math.ceil(seconds / 60) });
  if (seconds < 48 * 3600) return t("span.hours", { n: Math.round(seconds / 3600) });
  return t("span.days", { n: Math.round(seconds / 86400) });
}
