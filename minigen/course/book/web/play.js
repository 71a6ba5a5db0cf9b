// Pictures with sliders: <figure class="mg-play" data-src=".../<lesson>/<name>.js"> with a still picture inside.
//
// The data file is a script, so that it loads from a folder too (file://). It calls minigenPlay("<lesson>/<name>", data)
// and is written by minigen/course/lesson/play.py. Until it is there, without scripts and in print, one sees the still.
(() => {
  "use strict";

  const SECONDS = 5; // to play an axis through
  const MOST_WIDTH = 480; // of the picture, in CSS pixels
  const GAP = 2; // pixels of the images between two of them
  const [LEFT, RIGHT, TOP, BOTTOM] = [32, 8, 8, 34]; // pixels around the frame of points, for ticks and names
  const files = new Map(); // by their keys, promises of the data that have been asked for
  const arrived = new Map(); // by their keys, the functions that resolve them

  // ---------------------------------------------------------------------------------------------------- loading

  /** The data of a file, which is read once however many figures show it. */
  function load(src) {
    const key = src.replace(/[?#].*$/, "").replace(/\.js$/, "").split("/").slice(-2).join("/");
    if (!files.has(key)) {
      files.set(key, new Promise((resolve) => arrived.set(key, resolve)));
      const script = document.createElement("script");
      script.src = src;
      document.head.append(script); // if the file is missing, the still stays
    }
    return files.get(key);
  }

  window.minigenPlay = (key, film) => arrived.get(key)?.(film);

  function bytesOf(base64) {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  }

  /** Where the block of a position begins, in blocks; the last axis runs fastest. */
  function blockAt(axes, where) {
    return axes.reduce((block, axis, k) => block * axis.labels.length + where[k], 0);
  }

  // ---------------------------------------------------------------------------------------------------- points

  function coordinates(base64, reach) {
    const bytes = bytesOf(base64);
    const view = new DataView(bytes.buffer);
    return Float32Array.from({ length: bytes.length / 2 }, (_, i) => (view.getInt16(2 * i, true) / 32767) * reach);
  }

  function pointsFilm(data) {
    const points = coordinates(data.points, data.reach);
    const truth = coordinates(data.truth, data.reach);
    const [xmin, xmax, ymin, ymax] = data.bounds;
    const numbers = 2 * data.shape[data.shape.length - 2]; // of one position
    const radius = Math.min(2.6, Math.max(1.4, 62 / Math.sqrt(numbers)));
    const legend = truth.length ? { truth: "data", points: "samples" } : {};

    function size(width) {
      return [width, ((width - LEFT - RIGHT) * (ymax - ymin)) / (xmax - xmin) + TOP + BOTTOM];
    }

    /** The frame with its ticks; returns what takes coordinates to their places. */
    function axes(context, width, height, color) {
      const x = (value) => LEFT + ((value - xmin) / (xmax - xmin)) * (width - LEFT - RIGHT);
      const y = (value) => TOP + ((ymax - value) / (ymax - ymin)) * (height - TOP - BOTTOM);
      context.strokeStyle = color("frame");
      context.fillStyle = color("frame");
      context.lineWidth = 1;
      context.font = "12px sans-serif";
      context.strokeRect(LEFT - 0.5, TOP - 0.5, width - LEFT - RIGHT + 1, height - TOP - BOTTOM + 1);
      context.textAlign = "center";
      context.textBaseline = "top";
      for (const value of ticks(xmin, xmax)) {
        context.fillRect(Math.round(x(value)) - 0.5, height - BOTTOM, 1, 4);
        context.fillText(String(value).replace("-", "−"), x(value), height - BOTTOM + 6);
      }
      context.fillText("x₁", width - RIGHT - 8, height - 14);
      context.textAlign = "right";
      context.textBaseline = "middle";
      for (const value of ticks(ymin, ymax)) {
        context.fillRect(LEFT - 4, Math.round(y(value)) - 0.5, 4, 1);
        context.fillText(String(value).replace("-", "−"), LEFT - 6, y(value));
      }
      context.fillText("x₂", LEFT - 6, TOP + 6);
      return { x, y };
    }

    /** Draws the points between two positions: at `from` if share is 0, at `to` if it is 1. */
    function draw(context, width, height, from, to, share, color) {
      const { x, y } = axes(context, width, height, color);
      context.globalAlpha = 0.4;
      context.fillStyle = color("truth");
      for (let i = 0; i < truth.length; i += 2) {
        if (truth[i] >= xmin && truth[i] <= xmax && truth[i + 1] >= ymin && truth[i + 1] <= ymax) {
          dot(context, x(truth[i]), y(truth[i + 1]), 1.4);
        }
      }
      context.globalAlpha = 0.75;
      context.fillStyle = color("points");
      const [a, b] = [numbers * blockAt(data.axes, from), numbers * blockAt(data.axes, to)];
      let outside = 0;
      for (let i = 0; i < numbers; i += 2) {
        const px = x(points[a + i] * (1 - share) + points[b + i] * share);
        const py = y(points[a + i + 1] * (1 - share) + points[b + i + 1] * share);
        if (px < LEFT || px > width - RIGHT || py < TOP || py > height - BOTTOM) outside += 1;
        else dot(context, px, py, radius);
      }
      context.globalAlpha = 1;
      if (outside > 0) {
        context.fillStyle = color("frame");
        context.textAlign = "left";
        context.textBaseline = "bottom";
        context.fillText(`${outside} of ${numbers / 2} outside`, LEFT + 8, height - BOTTOM - 6);
      }
    }

    return { size, draw, legend };
  }

  /** Round numbers within a range, three to six of them. */
  function ticks(low, high) {
    const rough = (high - low) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((times) => times * power >= rough);
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, k) => Number(((first + k) * step).toPrecision(6)));
  }

  function dot(context, x, y, radius) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }

  // ---------------------------------------------------------------------------------------------------- images

  function imagesFilm(data) {
    const bytes = bytesOf(data.images);
    const [n, height, width, channels] = data.shape.slice(-4);
    const rows = Math.ceil(n / data.cols);
    const grid = document.createElement("canvas"); // all images of one position, pixel by pixel
    grid.width = data.cols * (width + GAP) - GAP;
    grid.height = rows * (height + GAP) - GAP;
    const pen = grid.getContext("2d");

    /** The largest size within the width in which a pixel of the images is a whole number of the screen's. */
    function size(most, ratio) {
      const times = Math.min((most * ratio) / grid.width, 10 * ratio);
      const scale = (times >= 1 ? Math.floor(times) : times) / ratio;
      return [grid.width * scale, grid.height * scale];
    }

    function compose(where) {
      const block = n * height * width * channels * blockAt(data.axes, where);
      pen.clearRect(0, 0, grid.width, grid.height);
      for (let k = 0; k < n; k++) {
        const image = pen.createImageData(width, height);
        for (let i = 0; i < width * height; i++) {
          const at = block + (k * width * height + i) * channels;
          for (let c = 0; c < 3; c++) image.data[4 * i + c] = bytes[at + (channels === 3 ? c : 0)];
          image.data[4 * i + 3] = 255;
        }
        pen.putImageData(image, (k % data.cols) * (width + GAP), Math.floor(k / data.cols) * (height + GAP));
      }
    }

    /** Draws the images of the nearer position, without smoothing. */
    function draw(context, shownWidth, shownHeight, from, to, share) {
      compose(share < 0.5 ? from : to);
      context.imageSmoothingEnabled = shownWidth < grid.width;
      context.drawImage(grid, 0, 0, shownWidth, shownHeight);
    }

    return { size, draw, legend: {} };
  }

  // ---------------------------------------------------------------------------------------------------- a figure

  function element(tag, attributes = {}, text = "") {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  }

  /** Which color is what. */
  function legendOf(names) {
    const legend = element("p", { class: "mg-play-legend" });
    for (const [name, text] of Object.entries(names)) {
      const entry = element("span", {}, text);
      entry.prepend(element("span", { class: "mg-play-mark", style: `background: var(--mg-play-${name})` }));
      legend.append(entry);
    }
    return legend;
  }

  function textAt(axis, position) {
    const label = axis.labels[Math.round(position)];
    return axis.kind === "choice" ? label : `${axis.name} = ${label}`;
  }

  function show(figure, data) {
    const axes = data.axes;
    const film = data.points !== undefined ? pointsFilm(data) : imagesFilm(data);
    const still = figure.querySelector(".mg-still");
    const about = (still && still.alt) || figure.dataset.name || "";
    const live = element("div", { class: "mg-play-live" });
    const canvas = element("canvas", { role: "img" });
    const context = canvas.getContext("2d");
    const position = axes.map((axis) => axis.start); // only that of the time is ever between two values
    const color = (name) => getComputedStyle(figure).getPropertyValue(`--mg-play-${name}`).trim();

    function draw() {
      const ratio = window.devicePixelRatio || 1;
      const room = Math.min(MOST_WIDTH, live.clientWidth);
      if (room === 0) return; // not visible, as in print
      const [width, height] = film.size(room, ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      canvas.width = Math.round(width * ratio); // which also clears it
      canvas.height = Math.round(height * ratio);
      context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
      const from = position.map(Math.floor);
      const to = position.map(Math.ceil);
      const share = Math.max(...position.map((value, k) => value - from[k]));
      film.draw(context, width, height, from, to, share, color);
      canvas.setAttribute("aria-label", [about, ...axes.map((axis, k) => textAt(axis, position[k]))].join(", "));
    }

    live.append(canvas);
    if (Object.keys(film.legend).length) live.append(legendOf(film.legend));
    axes.forEach((axis, k) => {
      const moveTo = (value) => {
        position[k] = value;
        draw();
      };
      live.append(axis.kind === "choice" ? choice(axis, moveTo) : slider(axis, moveTo));
    });
    figure.insertBefore(live, figure.querySelector("figcaption"));
    figure.classList.add("mg-ready");
    draw();
    whenLooksChange(figure, draw);
    const stillness = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (figure.dataset.playsAtOnce !== undefined && !stillness) live.querySelector("button")?.click();
  }

  let choices = 0; // so that each group of choices has a name of its own

  function choice(axis, moveTo) {
    const row = element("div", { class: "mg-play-row", role: "radiogroup", "aria-label": axis.name });
    const group = `mg-play-choice-${(choices += 1)}`;
    row.append(element("span", { "aria-hidden": "true" }, axis.name));
    axis.labels.forEach((label, value) => {
      const input = element("input", { type: "radio", name: group, value });
      input.checked = value === axis.start;
      input.addEventListener("change", () => moveTo(value));
      const around = element("label");
      around.append(input, label);
      row.append(around);
    });
    return row;
  }

  function slider(axis, moveTo) {
    const last = axis.labels.length - 1;
    const row = element("div", { class: "mg-play-row" });
    const input = element("input", { type: "range", min: 0, max: last, step: 1, "aria-label": axis.name });
    const output = element("output", { "aria-hidden": "true" }); // aria-valuetext says the same
    output.style.minWidth = `${Math.max(...axis.labels.map((_, value) => textAt(axis, value).length))}ch`;
    let now = axis.start;

    function go(value) {
      now = value;
      input.value = Math.round(value);
      output.textContent = textAt(axis, value);
      input.setAttribute("aria-valuetext", output.textContent);
      moveTo(value);
    }

    go(axis.start);
    row.append(input, output);
    const player = axis.kind === "time" ? playButton(axis.name, last, () => now, go) : null;
    if (player) row.prepend(player.button);
    input.addEventListener("input", () => {
      if (player) player.stop();
      go(Number(input.value));
    });
    return row;
  }

  /** A button that moves an axis from where it stands to its end, through all that lies between two values. */
  function playButton(name, last, now, go) {
    const button = element("button", { type: "button" });
    let frame = null; // of the animation, while it plays

    function say(sign, word) {
      button.textContent = `${sign} ${word}`;
      button.setAttribute("aria-label", `${word} ${name}`);
    }

    function stop() {
      cancelAnimationFrame(frame);
      frame = null;
      say("▶", "Play");
    }

    function play() {
      if (now() >= last) go(0);
      let before = performance.now();
      const next = (time) => {
        go(Math.min(last, now() + (Math.max(0, time - before) / 1000) * (last / SECONDS)));
        before = Math.max(before, time);
        if (now() < last) frame = requestAnimationFrame(next);
        else stop();
      };
      frame = requestAnimationFrame(next);
      say("❚❚", "Pause");
    }

    button.addEventListener("click", () => {
      if (frame === null) {
        play();
      } else {
        stop();
        go(Math.round(now()));
      }
    });
    stop();
    return { button, stop };
  }

  /** Calls `draw` when the width, the resolution or the colors of a figure may have changed. */
  function whenLooksChange(figure, draw) {
    let width = 0;
    new ResizeObserver(() => {
      if (figure.clientWidth !== width) {
        width = figure.clientWidth;
        draw();
      }
    }).observe(figure);
    window.addEventListener("resize", draw); // zoom changes the resolution
    window.addEventListener("afterprint", draw);
    const themes = new MutationObserver(draw);
    const options = { attributes: true, attributeFilter: ["data-theme", "class"] };
    themes.observe(document.documentElement, options);
    themes.observe(document.body, options);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  }

  // ---------------------------------------------------------------------------------------------------- the page

  /** Loads the data of each figure shortly before it is scrolled into view. */
  function begin() {
    const observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries.filter((one) => one.isIntersecting)) {
          observer.unobserve(entry.target);
          load(entry.target.dataset.src).then((film) => show(entry.target, film));
        }
      },
      { rootMargin: "800px" },
    );
    document.querySelectorAll("figure.mg-play[data-src]").forEach((figure) => observer.observe(figure));
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
