/**
 * @module http/date
 * HTTP-date: read in all three formats, written in the one that is still allowed.
 * Strict but for letter case: an Expires that is not a date means "already expired", so guessing
 * at what a broken one meant would keep a response longer than its origin can be held to.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.7
 */
import { trimOws } from './list.ts';

const MONTHS = 'janfebmaraprmayjunjulaugsepoctnovdec';
const DAY = '(?:mon|tue|wed|thu|fri|sat|sun)';
const LONG_DAY = '(?:mon|tues|wednes|thurs|fri|satur|sun)day';
const MONTH = `(?<month>${MONTHS.match(/.../g)!.join('|')})`;
// Second 60 is a leap second and stands in the grammar.
const TIME = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)';

const IMF_FIXDATE = new RegExp(`^${DAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} gmt$`);
const RFC850 = new RegExp(`^${LONG_DAY}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} gmt$`);
const ASCTIME = new RegExp(`^${DAY} ${MONTH} (?<day>\\d\\d| \\d) ${TIME} (?<year>\\d{4})$`);

/**
 * Milliseconds since the epoch, or undefined where the text is no HTTP-date or no day of the calendar.
 * Whether the day of the week fits the date is not checked. `now` (milliseconds) decides what
 * century a two-digit year belongs to.
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  const known = onKnownDay(text);
  if (known !== undefined) return known;
  const date = trimOws(text).toLowerCase();
  const match = IMF_FIXDATE.exec(date) ?? RFC850.exec(date) ?? ASCTIME.exec(date);
  const part = match?.groups;
  if (part === undefined) return undefined;
  const at = (year: number): number | undefined =>
    timestamp(year, MONTHS.indexOf(part['month']!) / 3, Number(part['day']), Number(part['hour']), Number(part['minute']), Number(part['second']));
  const year = Number(part['year']);
  return part['year']!.length === 4 ? at(year) : at(fullYear(year, at, now));
}

/**
 * The latest year with these two last digits that is not more than 50 years in the future.
 * https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.7-7
 */
function fullYear(twoDigits: number, at: (year: number) => number | undefined, now: number): number {
  const limit = new Date(now);
  limit.setUTCFullYear(limit.getUTCFullYear() + 50);
  const year = Math.floor(limit.getUTCFullYear() / 100) * 100 + twoDigits;
  const time = at(year);
  // A day the calendar lacks in that year (29 February) is compared by its year.
  const future = time === undefined ? year > limit.getUTCFullYear() : time > limit.getTime();
  return future ? year - 100 : year;
}

function timestamp(year: number, month: number, day: number, hour: number, minute: number, second: number): number | undefined {
  const date = new Date(0);
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month, day);
  // A day the month does not have has moved the date into another month.
  if (date.getUTCMonth() !== month) return undefined;
  return date.setUTCHours(hour, minute, second);
}

let lastSecond = Number.NaN;
let lastText = '';

/** The texts of days, by their number, `Thu, 01 Jan 1970 ` being 0, and the other way round. */
const dayTexts = new Map<number, string>();
const dayNumbers = new Map<string, number>();
const MAX_DAYS = 1000;
const DAY_LENGTH = 17;
const DATE_LENGTH = 29;
const SECONDS_OF_DAY = 86_400;
const TWO_DIGITS: readonly string[] = Array.from({ length: 60 }, (_, figure) => String(figure).padStart(2, '0'));

/**
 * An IMF-fixdate for milliseconds since the epoch, fractions of a second dropped; for the years 0 to 9999.
 * The last second is remembered: a busy server writes the same Date many thousand times.
 */
export function formatHttpDate(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    const day = Math.floor(second / SECONDS_OF_DAY);
    const rest = second - day * SECONDS_OF_DAY;
    lastText = `${dayTexts.get(day) ?? learnDay(day)}${TWO_DIGITS[Math.floor(rest / 3600)]!}:${TWO_DIGITS[Math.floor(rest / 60) % 60]!}:${TWO_DIGITS[rest % 60]!} GMT`;
  }
  return lastText;
}

/** The milliseconds that formatHttpDate makes this very text of; undefined where there are none. */
export function parseFormatted(text: string): number | undefined {
  const guess = parseHttpDate(text, 0);
  return guess !== undefined && formatHttpDate(guess) === text ? guess : undefined;
}

/** The same for a day that was written lately: that is most dates, and takes a tenth of the time. */
function onKnownDay(text: string): number | undefined {
  const day = text.length === DATE_LENGTH ? dayNumbers.get(text.slice(0, DAY_LENGTH)) : undefined;
  if (day === undefined) return undefined;
  const guess = (day * SECONDS_OF_DAY + 3600 * Number(text.slice(17, 19)) + 60 * Number(text.slice(20, 22)) + Number(text.slice(23, 25))) * 1000;
  return formatHttpDate(guess) === text ? guess : undefined;
}

function learnDay(day: number): string {
  if (dayTexts.size === MAX_DAYS) {
    dayTexts.clear();
    dayNumbers.clear();
  }
  const text = new Date(day * SECONDS_OF_DAY * 1000).toUTCString().slice(0, DAY_LENGTH);
  dayTexts.set(day, text);
  dayNumbers.set(text, day);
  return text;
}
