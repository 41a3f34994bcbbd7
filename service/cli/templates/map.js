"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const section = document.getElementById("map"), plane = document.getElementById("plane");
  const canvas = plane.querySelector("canvas"), pen = canvas.getContext("2d");
  const tip = document.getElementById("tip"), legend = document.getElementById("legend");
  const by = document.getElementById("by"), told = document.getElementById("told");
  const chosenBox = document.getElementById("chosen"), choose = document.getElementById("choose");
  const numbers = (text, Kind) => {
    const bytes = atob(text), raw = new Uint8Array(bytes.length);
    for (let i = 0; i < bytes.length; i++) raw[i] = bytes.charCodeAt(i);
    return new Kind(raw.buffer);
  };
  const places = numbers(data.places, Uint16Array), count = places.length / 2;
  const X = new Float32Array(count), Y = new Float32Array(count);
  for (let i = 0; i < count; i++) { X[i] = places[2 * i] / 65535; Y[i] = 1 - places[2 * i + 1] / 65535; }
  const names = data.files.map((file) => file === null ? "" : (file[0] < 0 ? "" : data.folders[file[0]]) + file[1]);
  // Colours that stay apart for most eyes, light and dark (after Okabe and Ito, and Tol).
  const HUES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c7ae6", "#a6761d",
                "#44aa99", "#aa4499", "#ddaa33", "#666fb0", "#b5544f", "#7f8c3b", "#3b8ea5", "#c97b3d"];
  const GREY = "#9a9da3", RINGED = 200;  // chosen images with a ring each; more are told by the others' paleness
  const ramp = (t) => `hsl(${250 - 200 * t} 62% ${44 + 12 * t}%)`;

  // A value in words: dates are days since 1970, told by so many characters of theirs.
  const worded = (column, value) => {
    if (value === null || column.kind !== "numbers") return value === null ? null : column.names[value];
    if (column.dates) return new Date(value * 864e5).toISOString().slice(0, column.dates).replace("T", " ");
    return Number.isInteger(value) ? value : Number(value.toPrecision(6));
  };
  // One colouring: a colour for each image, and the legend's entries.
  const colouring = (column) => {
    if (column.kind === "numbers") {
      const values = column.values.map((v) => v === null ? null : (v - column.low) / ((column.high - column.low) || 1));
      return { colours: values.map((v) => v === null ? GREY : ramp(v)), column, entries: null };
    }
    const entries = column.names.map((name, i) =>
      ({ name, colour: i < column.plain ? HUES[i % HUES.length] : GREY, number: i }));
    return { colours: column.values.map((v) => entries[v].colour), column, entries };
  };
  let shown = null, only = null, chosen = null, scale = 1, left = 0, top = 0, wide = 1, high = 1, ratio = 1;
  const sheets = data.sheets.map((url) => { const image = new Image(); image.onload = () => ask(); image.src = url; return image; });
  const slot = new Int32Array(count).fill(-1);
  data.pictured.forEach((i, n) => { slot[i] = n; });

  const ends = (list) => list.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [1, 0]);
  const [west, east] = ends(X), [north, south] = ends(Y);
  const size = () => Math.min(wide / (east - west || 1), high / (south - north || 1)) * .92 * scale;
  const px = (i) => left + X[i] * size(), py = (i) => top + Y[i] * size();
  const home = () => { scale = 1; left = (wide - size() * (west + east)) / 2; top = (high - size() * (north + south)) / 2; };
  const zoomAt = (factor, x, y) => {
    const next = Math.min(400, Math.max(.5, scale * factor)), f = next / scale;
    left = x - (x - left) * f; top = y - (y - top) * f; scale = next; tip.hidden = true; ask();
  };
  let due = 0;
  const ask = () => { if (!due) due = requestAnimationFrame(() => { due = 0; draw(); }); };
  const off = (i) => only !== null && shown.column.values[i] !== only;
  const among = new Uint8Array(count);  // of the chosen
  const pale = (i) => off(i) || (chosen !== null && !among[i]);

  const sprite = (to, n, x, y, side) => {
    const sheet = sheets[Math.floor(n / data.cells ** 2)], at = n % data.cells ** 2;
    if (!sheet || !sheet.complete) return false;
    to.drawImage(sheet, (at % data.cells) * data.cell, Math.floor(at / data.cells) * data.cell, data.cell, data.cell, x, y, side, side);
    return true;
  };
  const draw = () => {
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, wide, high);
    const dot = Math.max(2, Math.min(9, Math.sqrt(wide * high / count) * .14 * Math.sqrt(scale)));
    const unit = size();
    for (const faint of only === null && !chosen ? [false] : [true, false]) {
      pen.globalAlpha = faint ? .12 : .85;
      for (let i = 0; i < count; i++) {
        if (pale(i) !== faint) continue;
        const x = left + X[i] * unit, y = top + Y[i] * unit;
        if (x < -dot || y < -dot || x > wide + dot || y > high + dot) continue;
        pen.fillStyle = shown.colours[i];
        pen.fillRect(x - dot / 2, y - dot / 2, dot, dot);
      }
    }
    pen.globalAlpha = 1;
    const side = Math.min(data.cell, 26 + 8 * Math.log2(Math.max(1, scale)) * 2), taken = {};
    for (const i of data.pictured) {
      const x = px(i), y = py(i);
      if (pale(i) || x < 0 || y < 0 || x > wide || y > high) continue;
      const cell = `${Math.floor(x / side)},${Math.floor(y / side)}`;
      const busy = [-1, 0, 1].some((a) => [-1, 0, 1].some((b) => {
        const other = taken[`${Math.floor(x / side) + a},${Math.floor(y / side) + b}`];
        return other && Math.abs(other[0] - x) < side && Math.abs(other[1] - y) < side;
      }));
      if (busy || !sprite(pen, slot[i], x - side / 2, y - side / 2, side)) continue;
      taken[cell] = [x, y];
      pen.strokeStyle = shown.colours[i]; pen.lineWidth = 1.5;
      pen.strokeRect(x - side / 2, y - side / 2, side, side);
    }
    if (chosen && chosen.length <= RINGED) {
      pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink"); pen.lineWidth = 1.5;
      for (const i of chosen) pen.strokeRect(px(i) - dot / 2 - 1.5, py(i) - dot / 2 - 1.5, dot + 3, dot + 3);
    }
    if (lasso) {
      pen.beginPath(); lasso.forEach(([x, y], n) => n ? pen.lineTo(x, y) : pen.moveTo(x, y)); pen.closePath();
      pen.strokeStyle = "#1c5d99"; pen.fillStyle = "#1c5d9922"; pen.lineWidth = 2; pen.fill(); pen.stroke();
    }
  };
  const resize = () => {
    const box = canvas.getBoundingClientRect(), first = wide === 1;
    ratio = devicePixelRatio || 1; wide = box.width; high = box.height;
    canvas.width = Math.round(wide * ratio); canvas.height = Math.round(high * ratio);
    if (first) home();
    ask();
  };

  // What is under the pointer: the nearest image within a finger's or a cursor's width.
  const near = (x, y, reach) => {
    let best = -1, least = reach * reach;
    for (let i = 0; i < count; i++) {
      if (off(i)) continue;
      const d = (px(i) - x) ** 2 + (py(i) - y) ** 2;
      if (d < least) { least = d; best = i; }
    }
    return best;
  };
  const element = (kind, text) => { const made = document.createElement(kind); made.textContent = text; return made; };
  const line = (text) => element("div", text);
  const show = (i, x, y) => {
    if (i < 0) { tip.hidden = true; return; }
    const parts = [];
    if (slot[i] >= 0) {
      const small = document.createElement("canvas"); small.width = small.height = data.cell;
      if (sprite(small.getContext("2d"), slot[i], 0, 0, data.cell)) parts.push(small);
    }
    parts.push(line(`${data.ids[i]}  ${names[i].split(/[/\\]/).pop()}`));
    for (const column of data.columns) {
      const value = worded(column, column.values[i]);
      if (value !== null && value !== "") parts.push(line(`${column.name}: ${value}`));
    }
    tip.replaceChildren(...parts); tip.hidden = false;
    tip.style.left = `${Math.max(4, Math.min(wide - tip.offsetWidth - 4, x + 14))}px`;
    tip.style.top = `${Math.max(4, Math.min(high - tip.offsetHeight - 4, y + 14))}px`;
  };

  let lasso = null, pointers = new Map(), moved = 0;
  const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const choosing = () => choose.getAttribute("aria-pressed") === "true";
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId); pointers.set(event.pointerId, at(event)); moved = 0;
    if (choosing() && pointers.size === 1) lasso = [at(event)];
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event), before = pointers.get(event.pointerId);
    if (!before) { show(near(x, y, 10), x, y); return; }
    moved += Math.abs(x - before[0]) + Math.abs(y - before[1]);
    if (lasso && pointers.size === 1) lasso.push([x, y]);
    else if (pointers.size === 2) {
      const [a, b] = [...pointers.values()], other = a === before ? b : a;
      const d0 = Math.hypot(before[0] - other[0], before[1] - other[1]), d1 = Math.hypot(x - other[0], y - other[1]);
      zoomAt(d1 / (d0 || 1), other[0], other[1]);
    } else { left += x - before[0]; top += y - before[1]; tip.hidden = true; }
    pointers.set(event.pointerId, [x, y]); ask();
  });
  const up = (event) => {
    const [x, y] = at(event); pointers.delete(event.pointerId);
    if (lasso) { const ring = lasso; lasso = null; if (ring.length > 2) pick(within(ring)); ask(); }
    else if (moved < 5) show(near(x, y, 16), x, y);
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", (event) => { pointers.delete(event.pointerId); lasso = null; ask(); });
  // a finger that was lifted has left too, but what it tapped is to be seen
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") tip.hidden = true; });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoomAt(Math.exp(-event.deltaY * .0015), ...at(event)); }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (step) { left += step[0]; top += step[1]; tip.hidden = true; ask(); event.preventDefault(); }
    else if (event.key === "Enter" || event.key === " ") {
      const i = near(wide / 2, high / 2, Math.max(wide, high));
      if (i >= 0) show(i, px(i), py(i));
      event.preventDefault();
    }
    else if (event.key === "Escape") tip.hidden = true;
    else if (event.key === "+" || event.key === "=") zoomAt(1.6, wide / 2, high / 2);
    else if (event.key === "-") zoomAt(.625, wide / 2, high / 2);
    else if (event.key === "0") { home(); ask(); }
  });
  document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => {
    const factor = Number(button.dataset.zoom);
    if (factor) zoomAt(factor, wide / 2, high / 2); else { home(); ask(); }
  }));

  const within = (ring) => {
    const found = [];
    for (let i = 0; i < count; i++) {
      if (off(i)) continue;
      const x = px(i), y = py(i);
      let inside = false;
      for (let a = 0, b = ring.length - 1; a < ring.length; b = a++) {
        const [xa, ya] = ring[a], [xb, yb] = ring[b];
        if ((ya > y) !== (yb > y) && x < (xb - xa) * (y - ya) / (yb - ya) + xa) inside = !inside;
      }
      if (inside) found.push(i);
    }
    return found;
  };
  const pick = (found) => {
    chosen = found.length ? found : null; chosenBox.hidden = !chosen;
    among.fill(0); for (const i of found) among[i] = 1;
    if (!chosen) { told.textContent = "no image within"; ask(); return; }
    told.textContent = "";
    document.getElementById("count").textContent = `${chosen.length} image${chosen.length === 1 ? "" : "s"} chosen`;
    chosenBox.querySelector("ol").replaceChildren(...chosen.slice(0, 500).map((i) => {
      const item = document.createElement("li"); item.textContent = `${data.ids[i]}  ${names[i]}`; return item;
    }));
    ask();
  };
  document.getElementById("clear").addEventListener("click", () => { chosen = null; chosenBox.hidden = true; ask(); });
  document.getElementById("copy").addEventListener("click", async () => {
    const text = `id in (${chosen.map((i) => data.ids[i]).join(", ")})`;
    try { await navigator.clipboard.writeText(text); told.textContent = "copied, for --where"; }
    catch { told.textContent = "the browser refused to copy"; }
  });
  choose.addEventListener("click", () => {
    const next = !choosing(); choose.setAttribute("aria-pressed", String(next)); plane.classList.toggle("choosing", next);
    told.textContent = next ? "draw round some images" : "";
  });

  const item = (colour, text, amount, number) => {
    const li = document.createElement("li"), button = document.createElement("button"), dot = document.createElement("i");
    button.type = "button"; dot.style.background = colour; button.append(dot, text, " ", element("small", amount.toLocaleString("en")));
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      only = only === number ? null : number;
      legend.querySelectorAll("button:not(.more)").forEach((b) => b.setAttribute("aria-pressed", String(b === button && only !== null)));
      ask();
    });
    li.append(button); return li;
  };
  // Of a long legend the first, which are the largest, and the others when they are asked for.
  const LISTED = 24;
  const folded = (items) => {
    if (items.length <= LISTED + 4) return items;
    const rest = items.slice(LISTED), li = document.createElement("li"), button = element("button", "");
    const fold = (away) => {
      rest.forEach((one) => { one.hidden = away; });
      button.textContent = away ? `${rest.length} more` : "fewer"; button.setAttribute("aria-expanded", String(!away));
    };
    button.type = "button"; button.className = "more";
    button.addEventListener("click", () => fold(!rest[0].hidden));
    fold(true); li.append(button);
    return [...items, li];
  };
  const recolour = () => {
    shown = colouring(data.columns[Number(by.value)]); only = null;
    const column = shown.column;
    if (shown.entries) {
      const counts = new Array(column.names.length).fill(0); column.values.forEach((v) => { counts[v]++; });
      legend.replaceChildren(...folded(shown.entries.filter((e) => counts[e.number]).map((e) => item(e.colour, e.name || "none", counts[e.number], e.number))));
    } else {
      const li = document.createElement("li"), bar = document.createElement("i");
      bar.className = "bar"; bar.style.display = "inline-block";
      bar.style.background = `linear-gradient(90deg, ${[0, .25, .5, .75, 1].map(ramp).join(", ")})`;
      li.append(`${worded(column, column.low)} `, bar, ` ${worded(column, column.high)}`); legend.replaceChildren(li);
    }
    ask();
  };
  data.columns.forEach((column, i) => { const option = document.createElement("option"); option.value = i; option.textContent = column.name; by.append(option); });
  by.addEventListener("change", recolour);
  section.hidden = false;
  recolour(); resize();
  addEventListener("resize", resize);
})();
