(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const section = document.getElementById("map"), plane = document.getElementById("plane");
  const canvas = plane.querySelector("canvas");
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
  let shown = null, only = null, chosen = null;
  const sheets = data.sheets.map((url) => { const image = new Image(); image.onload = () => drawn.ask(); image.src = url; return image; });
  const slot = new Int32Array(count).fill(-1);
  data.pictured.forEach((i, n) => { slot[i] = n; });
  const off = (i) => only !== null && shown.column.values[i] !== only;
  const among = new Uint8Array(count);  // of the chosen
  const picture = (i) => {
    const sheet = sheets[Math.floor(slot[i] / data.cells ** 2)], at = slot[i] % data.cells ** 2;
    if (!sheet || !sheet.complete) return null;
    return { image: sheet, x: (at % data.cells) * data.cell, y: Math.floor(at / data.cells) * data.cell, side: data.cell };
  };
  const element = (kind, text) => { const made = document.createElement(kind); made.textContent = text; return made; };
  const line = (text) => element("div", text);
  const show = (i, x, y) => {
    if (i < 0) { tip.hidden = true; return; }
    const parts = [];
    const found = slot[i] < 0 ? null : picture(i);
    if (found) {
      const small = document.createElement("canvas"); small.width = small.height = data.cell;
      small.getContext("2d").drawImage(found.image, found.x, found.y, found.side, found.side, 0, 0, data.cell, data.cell);
      parts.push(small);
    }
    parts.push(line(`${data.ids[i]}  ${names[i].split(/[/\\]/).pop()}`));
    for (const column of data.columns) {
      const value = worded(column, column.values[i]);
      if (value !== null && value !== "") parts.push(line(`${column.name}: ${value}`));
    }
    tip.replaceChildren(...parts); tip.hidden = false;
    tip.style.left = `${Math.max(4, Math.min(plane.clientWidth - tip.offsetWidth - 4, x + 14))}px`;
    tip.style.top = `${Math.max(4, Math.min(plane.clientHeight - tip.offsetHeight - 4, y + 14))}px`;
  };

  const drawn = new Plane(canvas, X, Y, {
    colour: (i) => shown.colours[i],
    isPale: (i) => off(i) || (chosen !== null && !among[i]),
    isOff: off,
    chosen: () => chosen,
    pictured: data.pictured, picture, side: data.cell, gap: () => 1,
    names: () => [],
    style: (name) => getComputedStyle(document.documentElement).getPropertyValue(name),
    touched: show,
    opened: show,
    drew: (ring) => { drawn.ring = ring; pick(drawn.within(ring)); },
    moved: () => { tip.hidden = true; },
    left: () => { const open = !tip.hidden; tip.hidden = true; return open; },
  });
  const hands = new Hands(drawn);
  document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => {
    const factor = Number(button.dataset.zoom);
    if (factor) drawn.zoom(factor); else drawn.home();
  }));

  const pick = (found) => {
    chosen = found.length ? found : null; chosenBox.hidden = !chosen;
    among.fill(0); for (const i of found) among[i] = 1;
    if (!chosen) { told.textContent = "no image within"; drawn.ring = null; drawn.ask(); return; }
    told.textContent = "";
    document.getElementById("count").textContent = `${chosen.length} image${chosen.length === 1 ? "" : "s"} chosen`;
    chosenBox.querySelector("ol").replaceChildren(...chosen.slice(0, 500).map((i) => {
      const item = document.createElement("li"); item.textContent = `${data.ids[i]}  ${names[i]}`; return item;
    }));
    drawn.ask();
  };
  document.getElementById("clear").addEventListener("click", () => { chosen = null; drawn.ring = null; chosenBox.hidden = true; drawn.ask(); });
  document.getElementById("copy").addEventListener("click", async () => {
    const text = `id in (${chosen.map((i) => data.ids[i]).join(", ")})`;
    try { await navigator.clipboard.writeText(text); told.textContent = "copied, for --where"; }
    catch { told.textContent = "the browser refused to copy"; }
  });
  choose.addEventListener("click", () => {
    const next = !hands.lassoing; hands.lassoing = next; choose.setAttribute("aria-pressed", String(next)); plane.classList.toggle("choosing", next);
    told.textContent = next ? "draw round some images" : "";
  });

  const item = (colour, text, amount, number) => {
    const li = document.createElement("li"), button = document.createElement("button"), dot = document.createElement("i");
    button.type = "button"; dot.style.background = colour; button.append(dot, text, " ", element("small", amount.toLocaleString("en")));
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      only = only === number ? null : number;
      legend.querySelectorAll("button:not(.more)").forEach((b) => b.setAttribute("aria-pressed", String(b === button && only !== null)));
      drawn.ask();
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
    drawn.ask();
  };
  data.columns.forEach((column, i) => { const option = document.createElement("option"); option.value = i; option.textContent = column.name; by.append(option); });
  by.addEventListener("change", recolour);
  section.hidden = false;
  recolour(); drawn.resize();
  addEventListener("resize", () => drawn.resize());
})();
