// The status page: asks driftd for its state every two seconds and shows it.
//
// Names of models, features and reasons come from events and may be hostile: they reach the page as
// text and attribute values only, never as markup (the policy in index.html makes the browser hold
// us to that). Elements are kept from one answer to the next and changed only where the answer
// changed, so that nothing flickers, moves or loses the focus.
"use strict";

const kPollMs = 2000;
const kAnswerTimeoutMs = 5000;
const kChartHeight = 132;  // The same as .plot in style.css.
const kLineColors = 6;     // --line-0 .. --line-5 in style.css; further lines reuse them.
const kNothing = "–";

const $ = (id) => document.getElementById(id);

// Worst first, which is also the order of the table. Only `healthy` is ever green.
const kStates = ["critical", "degraded", "stale", "unknown", "learning", "healthy"];
// Worst first. Too little data outranks stable: what was not judged must not look fine.
const kLevels = ["drift", "degraded", "warning", "insufficient_data", "stable"];

const kReasonWords = new Map([
  ["drift", "has drifted"], ["missing", "has missing values"], ["unseen", "has unseen categories"],
  ["out_of_range", "has values out of range"], ["type_error", "has values of a wrong type"],
  ["duplicate", "has duplicates"], ["outliers", "has outliers"], ["constant", "is constant"],
  ["volume", "has an odd volume"], ["missing_columns", "lack columns"],
]);
const kAcronyms = new Set(["f1", "roc", "auc", "mae", "rmse", "mape", "r2", "mcc", "ece"]);

const known_state = (state) => (kStates.includes(state) ? state : "unknown");
const known_level = (level) => (kLevels.includes(level) ? level : "insufficient_data");
const level_in_words = (level) => (level === "insufficient_data" ? "too little data" : level);

function metric_in_words(name) {
  const plain = name.replace(/_estimated$/, "");
  const words = plain.split("_").map((word) => (kAcronyms.has(word) ? word.toUpperCase() : word));
  return words.join(" ") + (plain === name ? "" : " (estimated)");
}

function reason_in_words(reason) {
  const [, kind, subject] = /^([^:]+):(.*)$/s.exec(reason) ?? [];
  if (kind) return `${subject} ${kReasonWords.get(kind) ?? `(${metric_in_words(kind)})`}`;
  const [, side, what] = /^(low|high)_(.+)$/s.exec(reason) ?? [];
  return side ? `${metric_in_words(what)} is ${side}` : reason.replaceAll("_", " ");
}

function reasons_in_words(reasons) {
  const others = reasons.filter((reason) => !reason.startsWith("drift:"));
  const drifted = reasons.length - others.length;
  const summed = drifted > 2 ? [`${drifted} series have drifted`] : [];
  return [...summed, ...(drifted > 2 ? others : reasons).map(reason_in_words)].join(", ");
}

// Three digits that matter, at most eight characters: columns of numbers keep their width.
function number(value) {
  if (!Number.isFinite(value)) return kNothing;
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e5)) return value.toExponential(1);
  return size >= 1000 ? value.toFixed(0) : value === 0 ? "0" : value.toPrecision(3);
}

const count = (value) => (Number.isFinite(value) ? value.toLocaleString("en") : kNothing);
// Rounded down: 99.96 % of the labels are not all labels.
const percent = (share) =>
  (Number.isFinite(share) ? `${Math.floor(share * 1000 + 1e-6) / 10}%` : kNothing);

// sv-SE writes ISO dates, in the reader's time zone.
const kMinute = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" });
const kSecond = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
const valid_time = (ms) => Number.isFinite(ms) && !Number.isNaN(new Date(ms).getTime());
const time_text = (ms, format = kMinute) => (valid_time(ms) ? format.format(ms) : kNothing);

function span_text(start, end) {
  const [from, to] = [time_text(start), time_text(end)];
  return `${from} – ${from.slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to}`;
}

function set_text(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function set_time(element, ms) {
  set_text(element, time_text(ms));
  if (valid_time(ms)) element.dateTime = new Date(ms).toISOString();
}

function set_state(element, state) {
  set_text(element, state);
  element.dataset.state = known_state(state);
}

const from_template = (id) => $(id).content.firstElementChild.cloneNode(true);

// Makes the children of `parent` show `items` (key -> item) in their order. `kept` (key -> object
// with a `root` element and `update`) carries the elements over from the last call; moving one
// would drop the focus, so it is given back.
function sync_children(parent, kept, items, create) {
  const focused = document.activeElement;
  for (const [key, child] of kept) {
    if (items.has(key)) continue;
    child.destroy?.();
    child.root.remove();
    kept.delete(key);
  }
  let next = parent.firstElementChild;
  for (const [key, item] of items) {
    if (!kept.has(key)) kept.set(key, create());
    const child = kept.get(key);
    if (child.root === next) next = next.nextElementSibling;
    else parent.insertBefore(child.root, next);
    child.update(item);
  }
  if (parent.contains(focused)) focused.focus({ preventScroll: true });
}

function apply_filter(input, kept) {
  const wanted = input.value.trim().toLowerCase();
  for (const { root, searched } of kept.values()) root.hidden = !searched.includes(wanted);
}

const rows = new Map();
let monitors = [];

// One key for the row, the address's hash and the question to the daemon.
const monitor_key = ({ model, version, segment }) =>
  new URLSearchParams({ model, version, segment }).toString();

const find_selected = () => monitors.find((each) => `#${monitor_key(each)}` === location.hash);

function show_totals({ version, started_at, totals }) {
  set_text($("about"), `${version} · up since ${time_text(started_at)}`);
  set_text($("rate"), count(Math.round(totals.events_per_second)));
  for (const name of ["predictions", "labels", "joined"]) set_text($(name), count(totals[name]));
  const discarded = Object.entries(totals.discarded).filter(([, n]) => n > 0);
  discarded.sort((a, b) => b[1] - a[1]);
  set_text($("discarded"), count(discarded.reduce((sum, [, n]) => sum + n, 0)));
  const reasons = discarded.map(([reason, n]) => `${count(n)} ${reason.replaceAll("_", " ")}`);
  set_text($("reasons"), reasons.join(", "));
  show_label_delays(totals);
}

// Bounds of the daemon's buckets, the largest unit that fits.
function delay_text(seconds) {
  if (seconds === null) return "more than 90 d";
  const [unit, length] = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]].find(([, s]) => seconds >= s);
  return `${seconds / length} ${unit}`;
}

function show_label_delays({ label_delays: delays = {} }) {
  const known = Object.entries(delays).filter(([, { count: n }]) => n > 0);
  const texts = known.map(([model, { half_within_s: half, nine_tenths_within_s: most }]) => {
    const words = `half within ${delay_text(half)}, 90 % within ${delay_text(most)}`;
    return known.length > 1 ? `${model}: ${words}` : words;
  });
  $("delays-item").hidden = known.length === 0;
  set_text($("delays"), texts.join("; "));
}

class Row {
  constructor() {
    this.root = from_template("row-template");
  }

  update(monitor) {
    const part = (selector) => this.root.querySelector(selector);
    const { model, version, segment, state, since, reasons, drifting, last_window } = monitor;
    this.searched = [model, version, segment, state, ...drifting].join(" ").toLowerCase();
    set_state(part(".state"), state);
    set_text(part(".since"), valid_time(since) ? `since ${time_text(since)}` : "");
    part("a").href = `#${monitor_key(monitor)}`;
    set_text(part(".model"), model);
    set_text(part(".version"), version);
    set_text(part(".segment"), segment === "all" ? "all traffic" : segment);
    const silence = monitor.windows === 0 ? "no window has closed yet" : kNothing;
    set_text(part(".why"), reasons_in_words(reasons) || silence);
    part(".why").title = reasons.map(reason_in_words).join("\n");
    set_text(part(".drifting"), drifting.join(", "));
    part(".drifting").title = drifting.join("\n");
    // Accuracy where the task has it, else the first metric that the daemon lists.
    const listed = Object.entries(monitor.metrics);
    const [name, metric] = listed.find(([key]) => key === "accuracy") ?? listed[0] ?? [];
    const value = metric ? `${metric_in_words(name)} ${number(metric.value)}` : kNothing;
    set_text(part(".value"), value);
    part(".value").dataset.level = metric ? known_level(metric.level) : "";
    const share = metric?.coverage ?? monitor.coverage;
    set_text(part(".coverage"), share > 0 ? `${percent(share)} labelled` : "no labels yet");
    set_time(part("time"), last_window?.end);
    set_text(part(".size"), last_window ? `${count(last_window.n)} events` : "");
  }
}

function show_status(status) {
  show_totals(status);
  const rank = ({ state }) => kStates.indexOf(known_state(state));
  monitors = [...status.monitors].sort((a, b) => rank(a) - rank(b));
  const items = new Map(monitors.map((monitor) => [monitor_key(monitor), monitor]));
  sync_children($("rows"), rows, items, () => new Row());
  apply_filter($("monitor-filter"), rows);
  $("no-monitors").hidden = monitors.length > 0;
  // Without a choice in the address the worst monitor is chosen, once: a later change of health
  // must not change the page under the reader's eyes.
  if (location.hash === "" && monitors.length > 0) {
    history.replaceState(null, "", `#${monitor_key(monitors[0])}`);
  }
  show_selection();
}

// What the cards show: the monitor's key and the answer. The same answer is not drawn again, and
// no monitor's cards are left under another one's name.
let drawn = { key: null, text: null };

function show_selection() {
  const monitor = find_selected();
  const selected = monitor ? monitor_key(monitor) : null;
  for (const [key, { root }] of rows) {
    root.querySelector("a").setAttribute("aria-current", String(key === selected));
  }
  if (selected !== drawn.key) {
    drawn = { key: selected, text: null };
    show_detail(monitor, { series: [], metrics: [], transitions: [] });
  }
  $("detail").hidden = selected === null;
  if (!monitor) return;
  const { model, version, segment, windows } = monitor;
  set_text($("detail-title"), `${model} ${version}${segment === "all" ? "" : `, ${segment}`}`);
  $("no-windows").hidden = windows > 0;
}

// A trace is one line: { label, points: window index -> point of the latest revision }.
function make_trace(label, points) {
  const latest = new Map();
  for (const point of points) {
    if (!(latest.get(point.index)?.revision > point.revision)) latest.set(point.index, point);
  }
  return { label, points: latest };
}

// The windows of all traces in order, each with the worst level that `judging` has for it.
function windows_of(traces, judging) {
  const windows = new Map();
  for (const { points } of traces) {
    for (const [index, { start, end, n }] of points) {
      windows.set(index, { index, start, end, n: Math.max(n, windows.get(index)?.n ?? 0) });
    }
  }
  for (const [index, window] of windows) {
    const levels = judging.map(({ points }) => points.get(index)).filter(Boolean)
      .map(({ level }) => known_level(level));
    window.level = kLevels.find((level) => levels.includes(level)) ?? "insufficient_data";
  }
  return [...windows.values()].sort((a, b) => a.index - b.index);
}

// Where windows stand on the x axis: at their end. Windows by count may share a time; then they
// stand at their index. A slot is a window's room on the axis; a pause of the traffic has none.
function lay_out(windows) {
  const is_time = windows.every(({ end }, i) => valid_time(end) && !(end <= windows[i - 1]?.end));
  const x = windows.map(({ index, end }) => (is_time ? end : index));
  const steps = x.slice(1).map((value, i) => value - x[i]).sort((a, b) => a - b);
  const only = is_time && windows.length > 0 ? windows[0].end - windows[0].start : 1;
  const half = (steps[steps.length >> 1] ?? (only || 1)) / 2;
  const slots = x.map((value, i) => [
    Math.max(value - half, (value + (x[i - 1] ?? -Infinity)) / 2),
    Math.min(value + half, (value + (x[i + 1] ?? Infinity)) / 2)]);
  const range_x = [slots[0]?.[0] ?? 0, slots.at(-1)?.[1] ?? 1];
  return { windows, is_time, x, slots, range_x };
}

function padded_range(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return [0, 1];
  const [low, high] = [sorted[0], sorted.at(-1)];
  const padding = 0.08 * (high - low || Math.abs(high) || 1);
  return [low === 0 ? 0 : low - padding, high + padding];
}

const values_of = (windows, { points }, value_of) => windows.map(({ index }) => {
  const value = points.has(index) ? value_of(points.get(index)) : null;
  return Number.isFinite(value) ? value : null;
});

// Detectors have different units. One is shown as it is, with its own threshold; several are shown
// as multiples of their thresholds, so that one line at 1 is everybody's threshold.
function series_view([name, traces], picked) {
  const chosen = traces.find(({ label }) => label === picked);
  const judged = traces.filter(({ points }) => [...points.values()].some((p) => p.threshold > 0));
  const shown = chosen ? [chosen] : judged.length > 0 ? judged : traces.slice(0, 1);
  const windows = windows_of(traces, chosen ? shown : traces);
  const relative = shown.length > 1;
  const scaled = ({ statistic, threshold }) =>
    (!relative ? statistic : statistic !== null && threshold > 0 ? statistic / threshold : null);
  // Lines that are shown together differ, and picking one of them does not change its colour.
  const colored = judged.includes(chosen ?? judged[0]) ? judged : traces;
  const color_of = (trace) => `line-${colored.indexOf(trace) % kLineColors}`;
  const lines = shown.map((trace) => ({ label: trace.label, color: color_of(trace), scale: "y",
                                        values: values_of(windows, trace, scaled) }));
  const limits = [values_of(windows, shown[0], ({ threshold }) => (relative ? 1 : threshold))];
  if (lines.some(({ values }) => values.some((value) => value < 0))) {
    // A signed statistic has a threshold on either side.
    limits.push(limits[0].map((limit) => (limit === null ? null : -limit)));
  }
  const keys = traces.map((trace) => ({
    label: trace.label, color: shown.includes(trace) ? color_of(trace) : "",
    pressed: trace === chosen, read: (window) => read_finding(trace.points.get(window?.index)),
  }));
  const range = padded_range([0, ...lines.flatMap(({ values }) => values), ...limits.flat()]);
  // What the false-alarm budget says of the newest window, where it is a drift.
  const drifts = ({ points }) => points.get(windows.at(-1)?.index)?.level === "drift";
  const words = traces.filter((trace) => trace.reason && drifts(trace)).map(({ reason }) => reason);
  return { title: name, noun: "values", ...lay_out(windows), lines, limits, range, keys, words };
}

function read_finding({ statistic, threshold, p_value, level } = {}) {
  const limit = Number.isFinite(threshold) ? ` / ${+number(threshold)}` : "";
  const chance = Number.isFinite(p_value) ? `p ${number(p_value)}, ` : "";
  return { text: number(statistic) + limit, level,
           hint: `statistic / threshold, ${chance}${level_in_words(known_level(level))}` };
}

function metric_view({ metric, points }) {
  const trace = make_trace(metric, points);
  const windows = windows_of([trace], [trace]);
  const line = (label, color, scale = "y") =>
    ({ label, color, scale, values: values_of(windows, trace, (point) => point[label]) });
  const lines = [line("value", "line-0"), line("low", ""), line("high", ""),
                 line("coverage", "quiet", "share")];
  const range = padded_range(lines.slice(0, 3).flatMap(({ values }) => values));
  const key = (label, color, text_of) => ({ label, color, read: (window) => {
    const point = trace.points.get(window?.index) ?? {};
    const text = text_of(point);
    return { text, hint: text, level: label === "value" ? point.level : "" };
  } });
  const keys = [
    key("value", "line-0", ({ value }) => number(value)),
    key("low – high", "", ({ low, high }) => `${number(low)} – ${number(high)}`),
    key("coverage", "quiet", ({ coverage }) => percent(coverage)),
    key("labelled", "", ({ labelled, n }) => `${count(labelled)} of ${count(n)}`)];
  return { title: metric_in_words(metric), noun: "predictions", ...lay_out(windows), lines,
           limits: [], range, keys };
}

// Canvases cannot use CSS variables. The style is a live one: it follows the colour scheme.
const style = getComputedStyle(document.documentElement);
const color = (name) => style.getPropertyValue(`--${name}`).trim() || "transparent";

// uPlot's own rows: from which step on, the label, what is added where a year, month, day, hour,
// minute or second begins, and 1 for "added".
const kTimeLabels = [
  [28 * 86400e3, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
  [86400e3, "{MM}-{DD}", null, null, null, null, null, null, 1],
  [60e3, "{HH}:{mm}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
];
const index_labels = (_, splits) => splits.map((i) => (Number.isInteger(i) ? `#${i}` : ""));

// Behind the lines, a tint over each window that drifted; over them, thresholds and each window's
// level along the x axis.
function paint_windows({ ctx, bbox, valToPos }, { slots, windows, limits }, is_behind) {
  const pixel = devicePixelRatio;
  slots.forEach(([from, to], i) => {
    const { level } = windows[i];
    const left = valToPos(from, "x", true);
    const width = valToPos(to, "x", true) - left;
    const fill = (name, top, height, gap = 0) => {
      ctx.fillStyle = color(name);
      ctx.fillRect(left, top, Math.max(width - gap, pixel), height);
    };
    if (is_behind) {
      if (level === "drift" || level === "degraded") fill("tint", bbox.top, bbox.height);
      return;
    }
    fill(`level-${level}`, bbox.top + bbox.height - 3 * pixel, 3 * pixel, pixel);
    for (const limit of limits) {
      if (limit[i] !== null) fill("limit", valToPos(limit[i], "y", true), pixel);
    }
  });
}

function chart_options(card, width) {
  const { lines, is_time } = card.view;
  const has_share = lines.some(({ scale }) => scale === "share");
  const axis = { stroke: () => color("quiet"), font: "11px system-ui, sans-serif", gap: 4,
                 ticks: { show: false }, grid: { stroke: () => color("grid"), width: 1 } };
  const short = (value) => (Math.abs(value) >= 1e4 ? number(value) : String(+value.toFixed(6)));
  const series = lines.map((line) => ({
    label: line.label, scale: line.scale, stroke: () => color(line.color),
    width: line.scale === "share" ? 1 : 1.5, dash: line.scale === "share" ? [3, 3] : undefined,
    points: line.color === "" ? { show: false } : { size: 4, fill: () => color(line.color) },
  }));
  return {
    width, height: kChartHeight, ms: 1, padding: [8, has_share ? 0 : 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 },
              sync: { key: is_time ? "time" : "index" } },
    scales: {
      x: { time: is_time, range: () => card.view.range_x },
      y: { range: () => card.view.range },
      share: { range: [0, 1.02] },
    },
    axes: [
      { ...axis, size: 34, space: 64, values: is_time ? kTimeLabels : index_labels },
      { ...axis, scale: "y", size: 48, space: 26, values: (_, splits) => splits.map(short) },
      { ...axis, scale: "share", side: 1, size: 42, show: has_share, grid: { show: false },
        splits: () => [0, 0.5, 1], values: (_, splits) => splits.map(percent) },
    ],
    series: [{}, ...series],
    bands: has_share ? [{ series: [3, 2], fill: () => color("band") }] : [],
    hooks: {
      drawClear: [(chart) => paint_windows(chart, card.view, true)],
      draw: [(chart) => paint_windows(chart, card.view, false)],
      setCursor: [(chart) => card.show_window(chart.cursor.idx)],
    },
  };
}

const resized = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const width = Math.floor(contentRect.width);
    if (width > 0) target.card.chart?.setSize({ width, height: kChartHeight });
  }
});

// A chart with its title, and the values at the window under the pointer, else at the last window.
// `make_view` turns an item, and the name of the picked line if there is one, into what is shown.
class Card {
  constructor(make_view) {
    this.make_view = make_view;
    this.root = from_template("card-template");
    this.plot = this.root.querySelector(".plot");
    this.keys = this.root.querySelector(".keys");
    this.plot.card = this;
    resized.observe(this.plot);
  }

  update(item) {
    this.item = item;
    this.view = this.make_view(item, this.picked);
    const { title, lines, is_time, x, windows } = this.view;
    this.searched = title.toLowerCase();
    set_text(this.root.querySelector(".title"), title);
    const level = windows.at(-1)?.level ?? "insufficient_data";
    set_text(this.root.querySelector(".level"), level_in_words(level));
    this.root.dataset.level = level;
    set_text(this.root.querySelector(".words"), (this.view.words ?? []).join("\n"));
    this.show_keys();
    // uPlot takes new values in place; other lines need another chart.
    const shape = JSON.stringify([is_time, ...lines.map((line) => [line.label, line.color])]);
    const data = [x, ...lines.map(({ values }) => values)];
    if (shape === this.shape) {
      this.chart.setData(data);
    } else {
      this.chart?.destroy();
      this.chart = new uPlot(chart_options(this, this.plot.clientWidth || 320), data, this.plot);
      this.shape = shape;
    }
    this.show_window(this.chart.cursor.idx);
  }

  show_keys() {
    const { keys } = this.view;
    while (this.keys.children.length > keys.length) this.keys.lastElementChild.remove();
    keys.forEach(({ label, color: line, pressed }, i) => {
      const key = this.keys.children[i] ?? this.keys.appendChild(from_template("key-template"));
      key.onclick = () => {
        this.picked = this.picked === label ? undefined : label;
        this.update(this.item);
      };
      key.disabled = pressed === undefined || keys.length === 1;
      if (!key.disabled) key.setAttribute("aria-pressed", String(pressed));
      key.querySelector(".swatch").dataset.color = line;
      set_text(key.querySelector(".label"), label);
    });
  }

  show_window(index) {
    const { windows, keys, noun, title } = this.view;
    const window = windows[index ?? windows.length - 1];
    set_text(this.root.querySelector(".moment"), window === undefined ? "no window yet" :
      `#${window.index} · ${span_text(window.start, window.end)} · ${count(window.n)} ${noun} · ` +
      level_in_words(window.level));
    const spoken = keys.map(({ label, read }, i) => {
      const { text, level, hint } = read(window);
      const key = this.keys.children[i];
      set_text(key.querySelector(".number"), text);
      key.dataset.level = level ?? "";
      key.title = `${label}: ${hint}`;
      return `${label} ${text}`;
    });
    const summary = [`${title} over ${windows.length} windows`, ...spoken].join(", ");
    this.plot.setAttribute("aria-label", summary);
  }

  destroy() {
    resized.unobserve(this.plot);
    this.chart.destroy();
  }
}

const series_cards = new Map();
const metric_cards = new Map();

function show_detail(monitor, { series, metrics, transitions }) {
  const traces = new Map();
  for (const { series: name, detector, points, reason } of series) {
    const trace = { ...make_trace(detector, points), reason };
    traces.set(name, [...(traces.get(name) ?? []), trace]);
  }
  // Drifting first, then warnings; the rest stays in the daemon's order, so that cards seldom move.
  const rank = ([name, those]) => {
    if (monitor.drifting.includes(name)) return 0;
    return ["drift", "warning"].indexOf(windows_of(those, those).at(-1)?.level) + 1 || 3;
  };
  const ranked = [...traces].map((item) => ({ item, rank: rank(item) }))
    .sort((a, b) => a.rank - b.rank).map(({ item }) => [item[0], item]);
  const measured = metrics.map((item) => [item.metric, item]);
  sync_children($("series"), series_cards, new Map(ranked), () => new Card(series_view));
  sync_children($("metrics"), metric_cards, new Map(measured), () => new Card(metric_view));
  $("no-metrics").hidden = metrics.length > 0;
  filter_series();
  show_transitions([...transitions].sort((a, b) => a.at - b.at), monitor?.last_window?.end);
}

function filter_series() {
  apply_filter($("series-filter"), series_cards);
  const shown = [...series_cards.values()].filter(({ root }) => !root.hidden).length;
  const { size } = series_cards;
  set_text($("series-count"), shown === size ? `${size}` : `${shown} of ${size} match the filter`);
}

// The bar runs from the first change to the last window, or to the last change where that is later.
function show_transitions(changes, last_end = -Infinity) {
  $("no-transitions").hidden = changes.length > 0;
  const begin = changes[0]?.at;
  const end = Math.max(changes.at(-1)?.at, last_end);
  set_text($("timeline-span"), changes.length > 0 ? span_text(begin, end) : "");
  $("timeline").replaceChildren(...changes.map(({ at, to }, i) => {
    const until = changes[i + 1]?.at ?? end;
    const element = document.createElement("span");
    element.dataset.state = known_state(to);
    element.title = `${to}, ${span_text(at, until)}`;
    element.style.flexGrow = String((until - at) / Math.max(end - begin, 1));
    return element;
  }));
  $("transitions").replaceChildren(...changes.reverse().map(({ at, from, to, reasons, message, evidence }) => {
    const element = from_template("transition-template");
    set_time(element.querySelector("time"), at);
    set_state(element.querySelector(".from"), from);
    set_state(element.querySelector(".to"), to);
    set_text(element.querySelector(".reasons"), message || reasons_in_words(reasons));
    element.querySelector(".reasons").title = reasons_in_words(reasons);
    element.querySelector("ul").replaceChildren(...(evidence ?? []).map((text) => {
      const item = document.createElement("li");
      set_text(item, text);
      return item;
    }));
    return element;
  }));
}

let last_answer = Date.now();

// The answer's text; undefined if there is none, which the reader is told, or if a later question
// has taken this one's place.
async function ask(path, is_wanted) {
  try {
    const signal = AbortSignal.timeout(kAnswerTimeoutMs);
    const answer = await fetch(path, { cache: "no-store", signal });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const text = await answer.text();
    JSON.parse(text);
    return is_wanted() ? text : undefined;
  } catch (error) {
    if (!is_wanted()) return undefined;
    const since = time_text(last_answer, kSecond);
    set_text($("trouble"), `no answer from driftd since ${since} (${error.message})`);
    document.body.classList.add("silent");
    return undefined;
  }
}

async function refresh(is_wanted) {
  const text = await ask("api/v1/status", is_wanted);
  if (text === undefined) return;
  const status = JSON.parse(text);
  show_status(status);
  const monitor = find_selected();
  const detail = monitor ? await ask(`api/v1/series?${monitor_key(monitor)}`, is_wanted) : "";
  if (detail === undefined) return;
  last_answer = Date.now();
  document.body.classList.remove("silent");
  set_text($("trouble"), status.ready ? "" : "driftd is not ready: it is starting or ending");
  const both = JSON.stringify(monitor) + detail;
  if (!monitor || both === drawn.text) return;
  drawn.text = both;
  show_detail(monitor, JSON.parse(detail));
}

let timer = 0;
let turn = 0;

// The next question follows two seconds after the last answer. A new call takes the place of one
// that is still waiting; driftd is not asked for a page that nobody sees.
async function poll() {
  clearTimeout(timer);
  const mine = ++turn;
  try {
    await refresh(() => mine === turn);
  } finally {
    if (mine === turn && !document.hidden) timer = setTimeout(poll, kPollMs);
  }
}

set_text($("zone"), Intl.DateTimeFormat().resolvedOptions().timeZone);
$("monitor-filter").addEventListener("input", () => apply_filter($("monitor-filter"), rows));
$("series-filter").addEventListener("input", filter_series);
$("rows").addEventListener("click", ({ target }) => {
  const is_reading = target.closest("a") || !getSelection().isCollapsed;
  if (!is_reading) target.closest("tr")?.querySelector("a").click();
});
addEventListener("hashchange", () => {
  show_selection();
  if ($("detail").getBoundingClientRect().top > innerHeight * 0.7) $("detail").scrollIntoView();
  poll();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else poll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const { chart } of [...series_cards.values(), ...metric_cards.values()]) chart.redraw();
});
poll();
