// Figures: drawn when they come near the reader's sight or the browser is idle, all of them for paper, in the reader's theme.
const { palette, figures: drawings } = JSON.parse(document.getElementById("drawings").textContent);
// A name with two dollar signs is no formula.
const plotConfig = { displayModeBar: false, responsive: true, displaylogo: false, typesetMath: false };
const plots = [...document.querySelectorAll(".plot")];
const drawnPlots = new Set();
const plotListeners = []; // called with a place once it is drawn for the first time

// plotly.js is packed in the page, and runs because the page's policy names its hash; otherwise the page has loaded it.
const unpackPlotly = async () => {
  const packed = document.getElementById("plotly-packed");
  if (!packed) return;
  const bytes = Uint8Array.from(atob(packed.textContent), (char) => char.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(unpacked).text();
  packed.remove();
  document.head.append(script);
};

// Only what is named a colour: a run may be called #20242a.
const inTheme = (value, dark, key = "") => {
  if (Array.isArray(value)) return value.map((one) => inTheme(one, dark, key));
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inTheme(one, dark, name)]));
  return dark && key.endsWith("color") && typeof value === "string" ? (palette[value] ?? value) : value;
};
const draw = (place, dark = isDark()) => {
  const drawing = drawings[place.dataset.drawing ?? place.id];
  if (!drawing || !window.Plotly) return;
  const { data, layout } = inTheme(drawing, dark);
  if (layout.height) place.style.height = `${layout.height}px`; // a window that changes its size makes plotly forget it
  window.Plotly.react(place, data, layout, plotConfig);
  if (drawnPlots.has(place)) return;
  drawnPlots.add(place);
  for (const listener of plotListeners) listener(place);
};
const redraw = (dark) => { for (const place of drawnPlots) draw(place, dark); };
themeListeners.push(() => redraw());

const drawWhenIdle = () => {
  const next = plots.find((place) => !drawnPlots.has(place) && place.offsetParent !== null);
  if (!next) return;
  draw(next);
  whenIdle(drawWhenIdle);
};
const whenIdle = (work) => (window.requestIdleCallback ? window.requestIdleCallback(work, { timeout: 500 }) : setTimeout(work, 30));

const startDrawing = () => {
  if (!window.Plotly) throw new Error("no plotly.js");
  const sight = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting && !drawnPlots.has(target)) draw(target);
  }, { rootMargin: "300px" });
  for (const place of plots) sight.observe(place);
  whenIdle(drawWhenIdle);
  // Paper is white whatever the screen is.
  window.addEventListener("beforeprint", () => { for (const place of plots) draw(place, false); });
  window.addEventListener("afterprint", () => redraw());
};
if (plots.length)
  unpackPlotly().then(startDrawing).catch(() => {
    for (const place of plots) {
      place.classList.add("undrawn");
      place.textContent = "This figure could not be drawn here; its numbers are in the table.";
    }
  });
