// The trend chart, drawn by hand in SVG: negatives per quarter of an hour with their expected band, and the share below.

const NS = "http://www.w3.org/2000/svg";
const LEFT = 40, RIGHT = 10, TOP = 14, GAP = 30, BOTTOM = 34;

function add(parent, name, attributes = {}, text = null) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  if (text !== null) node.textContent = text;
  parent.append(node);
  return node;
}

function niceTop(most) {
  const steps = [4, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, 100];
  return steps.find((step) => step >= most) ?? Math.ceil(most / 100) * 100;
}

function stepPath(buckets, x, y) {
  return buckets.map((b, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(b).toFixed(1)}H${x(i + 1).toFixed(1)}`).join("");
}

function bandPath(buckets, x, y) {
  const top = buckets.map((b, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(b.high)}H${x(i + 1).toFixed(1)}`).join("");
  const under = buckets.map((b, i) => [b, i]).reverse()
    .map(([b, i]) => `L${x(i + 1).toFixed(1)} ${y(b.low)}H${x(i).toFixed(1)}`).join("");
  return `${top}${under}Z`;
}

// The share of the last hour at each bucket, null where too few voted.
function hourlyShare(buckets) {
  return buckets.map((_, i) => {
    const hour = buckets.slice(Math.max(0, i - 3), i + 1);
    const votes = hour.reduce((sum, b) => sum + b.votes, 0);
    return votes >= 5 ? hour.reduce((sum, b) => sum + b.negatives, 0) / votes : null;
  });
}

function ticks(buckets, bucketMs, plotWidth) {
  const spanMs = buckets.length * bucketMs;
  const choices = [2, 3, 6, 12, 24, 48].map((hours) => hours * 3600000);
  const everyMs = choices.find((choice) => (spanMs / choice) * 58 <= plotWidth) ?? 48 * 3600000;
  const offsetMs = -new Date(buckets[0].start).getTimezoneOffset() * 60000;
  return buckets.map((b, i) => [b.start, i]).filter(([start]) => (start + offsetMs) % everyMs === 0);
}

/**
 * Draws `view` ({buckets, bucketMs, marks, usualShare}) into `host`. `say` is told which bucket is looked at, or null.
 * `time` formats milliseconds: {axis(ms) -> [local, utc or null]}; `words` are the page's.
 */
export function draw(host, view, { label, words, time, say }) {
  host.replaceChildren();
  const { buckets, bucketMs } = view;
  const width = Math.max(280, host.clientWidth), height = width < 520 ? 280 : 330;
  const split = TOP + (height - TOP - BOTTOM - GAP) * 0.68, low = split + GAP, floor = height - BOTTOM;
  const plot = width - LEFT - RIGHT;
  const svg = add(host, "svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", tabindex: 0, "aria-label": label });
  const x = (i) => LEFT + (plot * i) / buckets.length;
  const most = niceTop(Math.max(3, ...buckets.map((b) => Math.max(b.negatives, b.high))));
  const y = (value) => +(split - ((split - TOP) * Math.min(value, most)) / most).toFixed(1);

  for (const value of [0, most / 2, most]) {
    add(svg, "line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) });
    add(svg, "text", { class: "axis", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, String(value));
  }
  add(svg, "path", { class: "band", d: bandPath(buckets, x, y) });
  add(svg, "path", { class: "expected", d: stepPath(buckets, x, (b) => y(b.expected)) });
  const bar = plot / buckets.length, inset = bar > 5 ? 1 : 0;
  buckets.forEach((b, i) => {
    if (!b.negatives) return;
    const above = b.negatives > b.high;
    const box = { x: (x(i) + inset / 2).toFixed(1), width: Math.max(0.6, bar - inset).toFixed(2) };
    add(svg, "rect", { class: "bar", ...box, y: y(b.negatives), height: (split - y(b.negatives)).toFixed(1) });
    if (above) add(svg, "rect", { class: "bar above", ...box, y: y(b.negatives), height: (y(b.high) - y(b.negatives)).toFixed(1) });
  });

  const shares = hourlyShare(buckets);
  const ys = (share) => +(floor - (floor - low) * share).toFixed(1);
  for (const value of [0, 0.5, 1]) {
    add(svg, "line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: ys(value), y2: ys(value) });
    add(svg, "text", { class: "axis", x: LEFT - 6, y: ys(value) + 4, "text-anchor": "end" }, `${value * 100}%`);
  }
  if (view.usualShare !== null) {
    add(svg, "line", { class: "usual", x1: LEFT, x2: width - RIGHT, y1: ys(view.usualShare), y2: ys(view.usualShare) });
  }
  let pen = "";
  shares.forEach((share, i) => {
    if (share === null) return;
    pen += `${i && shares[i - 1] !== null ? "L" : "M"}${((x(i) + x(i + 1)) / 2).toFixed(1)} ${ys(share)}`;
  });
  if (pen) add(svg, "path", { class: "share", d: pen });
  add(svg, "text", { class: "title", x: LEFT, y: low - 8 }, words.share);

  for (const [start, i] of ticks(buckets, bucketMs, plot)) {
    const [local, utc] = time.axis(start);
    add(svg, "line", { class: "tick", x1: x(i), x2: x(i), y1: floor, y2: floor + 4 });
    const place = { x: Math.min(x(i), width - 28), "text-anchor": "middle" };
    add(svg, "text", { class: "axis", y: floor + 15, ...place }, local);
    if (utc) add(svg, "text", { class: "axis utc", y: floor + 28, ...place }, utc);
  }

  for (const mark of view.marks) {
    const at = (mark.at - buckets[0].start) / bucketMs;
    if (at < 0 || at > buckets.length) continue;
    const place = Math.min(x(at), width - RIGHT - 1);
    add(svg, "line", { class: `mark ${mark.event}`, x1: place, x2: place, y1: TOP, y2: floor });
    if (mark.event === "fired") {
      add(svg, "path", { class: "flag", d: `M${place} ${TOP - 10}h9l-3 4 3 4h-9z` });
      const left = place > width - 110;
      add(svg, "text", { class: "mark-text", x: place + (left ? -6 : 13), y: TOP - 2, "text-anchor": left ? "end" : "start" }, mark.text);
    }
  }
  look(svg, buckets, x, TOP, floor, say);
}

function look(svg, buckets, x, top, floor, say) {
  const hair = add(svg, "line", { class: "hair", y1: top, y2: floor, visibility: "hidden" });
  let looked = -1;
  const show = (i) => {
    looked = i;
    hair.setAttribute("visibility", i < 0 ? "hidden" : "visible");
    if (i >= 0) for (const end of ["x1", "x2"]) hair.setAttribute(end, String((x(i) + x(i + 1)) / 2));
    say(i < 0 ? null : buckets[i]);
  };
  svg.addEventListener("pointermove", (event) => {
    const at = event.clientX - svg.getBoundingClientRect().left;
    const i = Math.floor(((at - x(0)) / (x(buckets.length) - x(0))) * buckets.length);
    show(i >= 0 && i < buckets.length ? i : -1);
  });
  svg.addEventListener("pointerleave", () => show(-1));
  svg.addEventListener("blur", () => show(-1));
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -buckets.length, End: buckets.length }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(Math.min(buckets.length - 1, Math.max(0, (looked < 0 ? buckets.length - 1 - (step > 0) : looked) + step)));
  });
}

/** A small line of values in [-1, 1] with gaps for null; its last point carries the mood's colour class. */
export function sparkline(values, tone, label) {
  const width = 58, height = 22, svg = document.createElementNS(NS, "svg");
  for (const [key, value] of Object.entries({ viewBox: `0 0 ${width} ${height}`, width, height, class: "spark", role: "img", "aria-label": label })) {
    svg.setAttribute(key, String(value));
  }
  const known = values.filter((value) => value !== null);
  if (!known.length) return svg;
  const low = Math.min(-0.2, ...known), high = Math.max(0.4, ...known);
  const x = (i) => 3 + ((width - 6) * i) / (values.length - 1);
  const y = (value) => 3 + ((height - 6) * (high - value)) / (high - low);
  add(svg, "line", { class: "zero", x1: 0, x2: width, y1: y(0), y2: y(0) });
  let pen = "", last = null;
  values.forEach((value, i) => {
    if (value === null) return;
    pen += `${i && values[i - 1] !== null ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    last = [x(i), y(value)];
  });
  add(svg, "path", { d: pen });
  add(svg, "circle", { class: tone, cx: last[0], cy: last[1], r: 2.6 });
  return svg;
}

/** The market's gauge: a scale from -1 to 1, the usual range on it, and a needle. */
export function gauge(mood, tone, label) {
  const width = 150, height = 20, svg = document.createElementNS(NS, "svg");
  for (const [key, value] of Object.entries({ viewBox: `0 0 ${width} ${height}`, width, height, class: "gauge", role: "img", "aria-label": label })) {
    svg.setAttribute(key, String(value));
  }
  const x = (score) => 4 + ((width - 8) * (score + 1)) / 2;
  ["neg2", "neg1", "mid", "pos1", "pos2"].forEach((part, i) => {
    add(svg, "rect", { class: part, x: 4 + ((width - 8) * i) / 5, y: 7, width: (width - 8) / 5, height: 6 });
  });
  if (mood.usual_low !== null) {
    add(svg, "rect", { class: "range-box", x: x(mood.usual_low), y: 4.5, width: Math.max(2, x(mood.usual_high) - x(mood.usual_low)), height: 11, rx: 2 });
  }
  if (mood.score !== null) add(svg, "circle", { class: `needle ${tone}`, cx: x(mood.score), cy: 10, r: 5 });
  return svg;
}
