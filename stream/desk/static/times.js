// Times in the reader's zone, with UTC beside where they differ.

const zoned = (lang, options, zone) =>
  new Intl.DateTimeFormat(lang === "zh" ? "zh-CN" : "en-GB", { hourCycle: "h23", ...options, ...(zone ? { timeZone: zone } : {}) });

const differs = (ms) => new Date(ms).getTimezoneOffset() !== 0;
const HOUR = { hour: "2-digit", minute: "2-digit" };
const DAY = { day: "numeric", month: "short" };

/** `ms` -> "15:42", the reader's zone. */
export const clock = (ms, lang) => zoned(lang, HOUR).format(ms);

/** `ms` -> "14 Jan 15:42 (20:42 UTC)"; the bracket only where it says something. */
export function full(ms, lang) {
  const local = zoned(lang, { ...DAY, ...HOUR }).format(ms);
  return differs(ms) ? `${local} (${zoned(lang, HOUR, "UTC").format(ms)} UTC)` : `${local} UTC`;
}

/** `ms` -> "15:42 (20:42 UTC)". */
export function short(ms, lang) {
  return differs(ms) ? `${clock(ms, lang)} (${zoned(lang, HOUR, "UTC").format(ms)} UTC)` : `${clock(ms, lang)} UTC`;
}

/** `ms` -> "Wed 14 Jan 15:42" with UTC beside. */
export const long = (ms, lang) => `${zoned(lang, { weekday: "short" }).format(ms)} ${full(ms, lang)}`;

/** The two lines under the chart: the reader's time (a date at midnight) and UTC, or null where it is the same. */
export function axis(ms, lang) {
  const label = (zone) => {
    const time = zoned(lang, HOUR, zone).format(ms);
    return time === "00:00" ? zoned(lang, DAY, zone).format(ms) : time;
  };
  return differs(ms) ? [label(null), `${label("UTC")} UTC`] : [label(null), null];
}
