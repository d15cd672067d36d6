// Tables as files that a spreadsheet opens.

// What a spreadsheet takes for a formula: these at the beginning of a cell, also as the wide letters of Korean and Japanese keyboards.
const EXECUTED = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/;

/** A cell as text: quoted, and what would be run as a formula begins with an apostrophe instead. Numbers stay numbers. */
export function cell(value) {
  if (typeof value === "number") return String(value);
  const text = String(value ?? "");
  return `"${(EXECUTED.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

/** Rows as CSV, with the mark by which spreadsheets know that it is UTF-8. */
export const csv = (rows) => `\uFEFF${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;

/** Has the browser save rows as a file. */
export function saveCsv(name, rows) {
  const url = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
