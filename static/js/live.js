// An order's page while it runs: figures from the edge's stream as they come, the rest of the page drawn by the server.
// Where the stream can't be had, the page asks every two seconds; without script it reloads itself.
(() => {
  "use strict";

  const REDRAW_MS = 3000;
  const ASK_MS = 2000;
  const FINAL = ["settled", "rejected", "cancelled"];
  const root = document.getElementById("live");
  if (!root || !root.dataset.refresh) return;

  let status = null;
  let drawnAt = Date.now();
  let redrawing = false;
  let due = null;
  let asking = null;
  let stream = null;

  const grouped = new Intl.NumberFormat(root.dataset.language || undefined);
  const coins = (micros) => {
    const digits = micros > 0 && micros < 100000 ? { maximumSignificantDigits: 2 }
      : { minimumFractionDigits: micros % 1000000 < 10000 ? 0 : 2, maximumFractionDigits: 2 };
    // Cut, not rounded up: nothing counts as spent before it is.
    const cut = micros < 100000 ? micros : Math.floor(micros / 10000) * 10000;
    return new Intl.NumberFormat(root.dataset.language || undefined, digits).format(cut / 1000000);
  };
  const write = (name, text) => root.querySelectorAll(`[data-live="${name}"]`).forEach((node) => {
    if (node.textContent !== text) node.textContent = text;
  });

  const show = (told) => {
    write("impressions", grouped.format(told.impressions));
    write("count", grouped.format(told.results.count));
    write("spent", coins(told.spent_micros));
    write("left", coins(told.left_micros));
    const budget = told.spent_micros + told.left_micros;
    const percent = budget > 0 ? Math.floor(told.spent_micros * 100 / budget) : 0;
    write("percent", String(percent));
    root.querySelectorAll("[data-live-bar]").forEach((bar) => bar.setAttribute("width", `${percent}%`));
    if (told.results.count > 0) write("cost_per", coins(Math.ceil(told.spent_micros / told.results.count)));
    const dot = root.querySelector("[data-live-dot]");
    if (dot) dot.classList.add("is-on");
  };

  // One drawing at a time, at most one every three seconds unless the status changed.
  const redraw = async () => {
    if (redrawing) return;
    clearTimeout(due);
    due = null;
    // Not under a question that is being answered: it is drawn anew once that is closed.
    if (root.querySelector("dialog[open]")) { due = setTimeout(redraw, 1000); return; }
    redrawing = true;
    try {
      const answer = await fetch(root.dataset.refresh, { headers: { "HX-Request": "true" }, redirect: "error" });
      if (!answer.ok) return;
      const text = await answer.text();
      const open = [...root.querySelectorAll("details[open][id]")].map((details) => details.id);
      const focus = document.activeElement && root.contains(document.activeElement) ? document.activeElement.id : "";
      const kept = root.querySelector("[data-keeps]");
      root.innerHTML = text;
      const place = root.querySelector("[data-keeps]");
      if (kept && place) place.replaceWith(kept);
      open.forEach((id) => { const details = document.getElementById(id); if (details) details.open = true; });
      if (focus) { const node = document.getElementById(focus); if (node) node.focus({ preventScroll: true }); }
      const drawn = root.querySelector("[data-status]");
      if (drawn) status = drawn.dataset.status;
      const dot = root.querySelector("[data-live-dot]");
      if (dot && stream && stream.readyState === EventSource.OPEN) dot.classList.add("is-on");
      if (FINAL.includes(status)) stop();
    } catch (error) {
      // No connection for now: the stream or the next question tries again.
    } finally {
      drawnAt = Date.now();
      redrawing = false;
    }
  };
  const soon = () => {
    if (due === null && !document.hidden) due = setTimeout(redraw, Math.max(0, drawnAt + REDRAW_MS - Date.now()));
  };

  const ask = () => {
    if (asking === null) asking = setInterval(() => { if (!document.hidden) redraw(); }, ASK_MS);
  };
  const dontAsk = () => { clearInterval(asking); asking = null; };

  const stop = () => {
    if (stream) stream.close();
    dontAsk();
    delete root.dataset.refresh;
  };

  const drawn = root.querySelector("[data-status]");
  status = drawn ? drawn.dataset.status : null;

  if (!root.dataset.stream || !window.EventSource) { ask(); return; }
  stream = new EventSource(root.dataset.stream);
  stream.onmessage = (event) => {
    dontAsk();
    const told = JSON.parse(event.data);
    show(told);
    if (told.status !== status) { status = told.status; redraw(); } else { soon(); }
  };
  stream.onerror = () => {
    const dot = root.querySelector("[data-live-dot]");
    if (dot) dot.classList.remove("is-on");
    ask();
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && root.dataset.refresh) redraw(); });
})();
