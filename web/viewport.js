// A window on a drawing that is larger than the screen: moved and enlarged by finger, wheel, buttons and keys.

import { useEffect, useMemo, useRef, useState } from "./vendor/libraries.js";

const STEP = 1.5;
const MOST = 12; // times the size at which everything is seen
const STILL_PX = 6; // a finger that moves less than this is a tap

/** The part of the drawing that is seen: {x, y, width, height}, in the drawing's own lengths, and as wide as `frame` is. */
function fitted(box, frame) {
  const ratio = frame.width / frame.height;
  const width = Math.max(box.width, box.height * ratio);
  return { x: box.x + (box.width - width) / 2, y: box.y + (box.height - width / ratio) / 2, width, height: width / ratio };
}

const between = (least, value, most) => Math.min(Math.max(value, least), Math.max(least, most));

/**
 * @param box      the drawing: {x, y, width, height}
 * @param start    {unit, pixels, at: [x, y]}: at first a length of `unit` takes at least so many pixels, around that point
 * @param onTap    called with the element under a finger or mouse that did not move
 */
export function useViewport(box, { start, onTap }) {
  const frame = useRef(null);
  const [size, setSize] = useState({ width: 320, height: 320 });
  const whole = useMemo(() => fitted(box, size), [box, size]);
  const [moved, setMoved] = useState(null);
  const view = moved ?? whole;
  const latest = useRef();
  latest.current = { view, whole, size, box, onTap };

  const look = (next) => {
    const { whole: all, size: seen, box: drawing } = latest.current;
    const width = between(all.width / MOST, next.width, all.width);
    if (width >= all.width * 0.999) return setMoved(null);
    const height = (width * seen.height) / seen.width;
    // What is beyond the drawing's edge is not shown, unless all of that direction fits.
    const x = width >= drawing.width ? drawing.x + (drawing.width - width) / 2 : between(drawing.x, next.x, drawing.x + drawing.width - width);
    const y = height >= drawing.height ? drawing.y + (drawing.height - height) / 2 : between(drawing.y, next.y, drawing.y + drawing.height - height);
    return setMoved({ x, y, width, height });
  };
  /** @param at the point of the drawing that stays where it is */
  const zoom = (factor, at) => {
    const { view: now } = latest.current;
    const [x, y] = at ?? [now.x + now.width / 2, now.y + now.height / 2];
    look({ x: x - (x - now.x) / factor, y: y - (y - now.y) / factor, width: now.width / factor });
  };
  const move = (dx, dy) => {
    const { view: now } = latest.current;
    look({ ...now, x: now.x + dx, y: now.y + dy });
  };
  /** Moves only as far as is needed to see that point with some room around it. */
  const show = ([x, y], room) => {
    const { view: now } = latest.current;
    const within = (from, length, at) => (at - room < from ? at - room : at + room > from + length ? at + room - length : from);
    const next = { ...now, x: within(now.x, now.width, x), y: within(now.y, now.height, y) };
    if (next.x !== now.x || next.y !== now.y) look(next);
  };

  useEffect(() => {
    const watch = new ResizeObserver(([{ contentRect: { width, height } }]) => {
      if (width && height) setSize((before) => (before.width === width && before.height === height ? before : { width, height }));
    });
    watch.observe(frame.current);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    setMoved(null);
    if (!start) return;
    const { width, height } = frame.current.getBoundingClientRect();
    latest.current = { ...latest.current, size: { width, height }, whole: fitted(box, { width, height }) };
    const seen = (width * start.unit) / start.pixels; // so wide a part makes a unit that many pixels
    if (seen < latest.current.whole.width) look({ x: start.at[0] - seen / 2, y: start.at[1] - (seen * height) / width / 2, width: seen });
  }, [box]);

  useEffect(() => {
    const here = frame.current;
    const touches = new Map();
    let travelled = 0;
    const point = ({ clientX, clientY }) => {
      const { view: now, size: seen } = latest.current;
      const { left, top } = here.getBoundingClientRect();
      return [now.x + ((clientX - left) / seen.width) * now.width, now.y + ((clientY - top) / seen.height) * now.height];
    };
    const spread = () => {
      const [a, b] = [...touches.values()];
      return { apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY), middle: { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 } };
    };
    const down = (event) => {
      if (event.target.closest("button")) return; // what lies over the drawing is no part of it
      if (touches.size === 0) travelled = 0;
      touches.set(event.pointerId, event);
    };
    const drag = (event) => {
      const before = touches.get(event.pointerId);
      if (!before) return;
      const { view: now, size: seen } = latest.current;
      const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
      travelled += Math.hypot(dx, dy);
      if (touches.size === 2) {
        const { apart } = spread();
        touches.set(event.pointerId, event);
        const { apart: wider, middle } = spread();
        if (apart > 0) zoom(wider / apart, point(middle));
        return;
      }
      touches.set(event.pointerId, event);
      if (travelled > STILL_PX) {
        if (!here.hasPointerCapture(event.pointerId)) here.setPointerCapture(event.pointerId);
        move((-dx / seen.width) * now.width, (-dy / seen.height) * now.height);
      }
    };
    const up = (event) => {
      const was = touches.delete(event.pointerId);
      if (was && event.type === "pointerup" && touches.size === 0 && travelled <= STILL_PX) latest.current.onTap?.(event.target, point(event));
    };
    const wheel = (event) => {
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 400), point(event));
    };
    here.addEventListener("pointerdown", down);
    here.addEventListener("pointermove", drag);
    here.addEventListener("pointerup", up);
    here.addEventListener("pointercancel", up);
    here.addEventListener("wheel", wheel, { passive: false });
    return () => {
      here.removeEventListener("pointerdown", down);
      here.removeEventListener("pointermove", drag);
      here.removeEventListener("pointerup", up);
      here.removeEventListener("pointercancel", up);
      here.removeEventListener("wheel", wheel);
    };
  }, []);

  return {
    frame,
    view,
    pixels: size.width / view.width, // of one unit of length
    viewBox: `${view.x} ${view.y} ${view.width} ${view.height}`,
    isWhole: moved === null,
    isLargest: view.width <= whole.width / MOST / 0.999,
    larger: () => zoom(STEP),
    smaller: () => zoom(1 / STEP),
    all: () => setMoved(null),
    zoom,
    show,
  };
}
