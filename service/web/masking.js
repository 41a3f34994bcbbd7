/** What is marked on an image: strokes in its own pixels, painted at whatever size is needed. */

/**
 * @typedef {"brush" | "eraser" | "box"} Tool
 * @typedef {{ tool: Tool, radius: number, points: [number, number][] }} Stroke a box has two corners
 */

/**
 * Whether anything is left marked, as far as strokes tell without painting them.
 *
 * @param {Stroke[]} strokes
 */
export function isMarked(strokes) {
  return strokes.some(({ tool, points }) => tool !== "eraser" && points.length > (tool === "box" ? 1 : 0));
}

/**
 * The box between two corners, within an image.
 *
 * @type {(points: [number, number][], width: number, height: number) => { x: number, y: number, width: number, height: number }}
 */
export function boxBetween(points, width, height) {
  const xs = points.map(([x]) => Math.min(Math.max(Math.round(x), 0), width));
  const ys = points.map(([, y]) => Math.min(Math.max(Math.round(y), 0), height));
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/**
 * Paint strokes over one another, in the order in which they were made.
 *
 * @param {CanvasRenderingContext2D} context of a canvas that is clear
 * @param {Stroke[]} strokes
 * @param {[number, number]} size of the image in pixels
 * @param {string} colour
 */
export function paint(context, strokes, [width, height], colour) {
  const { canvas } = context;
  context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
  context.fillStyle = context.strokeStyle = colour;
  context.lineCap = context.lineJoin = "round";
  for (const { tool, radius, points } of strokes) {
    context.globalCompositeOperation = tool === "eraser" ? "destination-out" : "source-over";
    if (tool === "box") {
      const box = boxBetween(points, width, height);
      context.fillRect(box.x, box.y, box.width, box.height);
      continue;
    }
    context.lineWidth = radius * 2;
    context.beginPath();
    points.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (points.length === 1) context.lineTo(points[0][0], points[0][1]);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
  context.setTransform(1, 0, 0, 1, 0, 0);
}

/**
 * The mask as the service takes it: as large as the image, white where to repaint; null where an
 * eraser left nothing.
 *
 * @param {Stroke[]} strokes
 * @param {[number, number]} size
 * @returns {Promise<Blob | null>} a PNG file
 */
export async function maskOf(strokes, [width, height]) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  paint(context, strokes, [width, height], "#fff");
  const { data } = context.getImageData(0, 0, width, height);
  if (!data.some((value, at) => at % 4 === 3 && value > 127)) return null;
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
