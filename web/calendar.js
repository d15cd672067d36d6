// A date as a calendar file (RFC 5545): times in UTC, lines of at most 75 octets, ended by CRLF.

const OCTETS = 75;

const escaped = (text) => text.replace(/[\\;,]/g, "\\$&").replace(/\r\n?|\n/g, "\\n");
const stamp = (at) => new Date(at).toISOString().replace(/[-:]|\.\d+/g, "");

/** A line, folded so that no character is cut: what goes on begins with a space. */
function folded(line) {
  const octets = new TextEncoder();
  let [text, length] = ["", 0];
  for (const character of line) {
    const size = octets.encode(character).length;
    if (length + size > OCTETS) [text, length] = [`${text}\r\n `, 1];
    text += character;
    length += size;
  }
  return `${text}\r\n`;
}

/**
 * @param event {id, startsAt, title, where, text, url}: the same `id` is the same entry when it is imported again. When it
 *              ends nobody says, so neither does the entry.
 * @param now   epoch milliseconds
 */
export function calendarFile({ id, startsAt, title, where, text, url }, now) {
  return [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//OST Concert Booking//Tickets//EN",
    "CALSCALE:GREGORIAN",
    "METHOD:PUBLISH",
    "BEGIN:VEVENT",
    `UID:${escaped(id)}`,
    `DTSTAMP:${stamp(now)}`,
    `DTSTART:${stamp(startsAt)}`,
    `SUMMARY:${escaped(title)}`,
    `LOCATION:${escaped(where)}`,
    `DESCRIPTION:${escaped(text)}`,
    `URL:${url}`,
    "END:VEVENT",
    "END:VCALENDAR",
  ]
    .map(folded)
    .join("");
}
