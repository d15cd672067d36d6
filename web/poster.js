// A poster for a concert that has no picture: a night scene drawn from its id, the same one every time.

import { html, useId, useMemo } from "./vendor/libraries.js";

// sky above, sky below, the light in it, silhouettes
const NIGHTS = [
  ["#0a0f2e", "#3a2f7d", "#ffc27d", "#070a1f"],
  ["#06182b", "#12566b", "#ffd899", "#04101d"],
  ["#190a2f", "#6d2f7c", "#ffa3b5", "#10061f"],
  ["#0b0f33", "#3b45b0", "#a4efdf", "#070a22"],
  ["#1c0a20", "#8a2750", "#ffc08a", "#130616"],
  ["#05142f", "#2458a8", "#dceeff", "#030c1e"],
];
const SCENES = [sea, record, meteors, wires, crowd];

function seedOf(text) {
  let hash = 2166136261;
  for (const letter of String(text)) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
  return hash >>> 0;
}

/** Numbers in [0, 1) that follow from the seed (mulberry32). */
function chance(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** @param wide for places that are wider than high: the same scene, seen from further to the sides */
export function Poster({ id, wide = false, class: name = "" }) {
  const mark = useId();
  const width = wide ? 1000 : 300;
  const drawing = useMemo(() => {
    const seed = seedOf(id);
    const random = chance(seed);
    const night = NIGHTS[seed % NIGHTS.length];
    const scene = SCENES[Math.floor(seed / NIGHTS.length) % SCENES.length];
    return html`
      <defs>
        <linearGradient id="${mark}s" x1="0" y1="0" x2="0" y2="1">
          <stop offset="0" stop-color=${night[0]} />
          <stop offset=".72" stop-color=${night[1]} />
          <stop offset="1" stop-color=${night[2]} stop-opacity=".75" />
        </linearGradient>
        <radialGradient id="${mark}g">
          <stop offset="0" stop-color=${night[2]} stop-opacity=".55" />
          <stop offset="1" stop-color=${night[2]} stop-opacity="0" />
        </radialGradient>
      </defs>
      <rect width=${width} height="400" fill=${night[3]} />
      <rect width=${width} height="400" fill="url(#${mark}s)" />
      ${stars(random, night[2], width)} ${scene(random, night, mark, width)}
    `;
  }, [id, mark, width]);
  const box = wide ? `0 50 ${width} 320` : `0 0 ${width} 400`;
  return html`<svg class="poster ${name}" viewBox=${box} preserveAspectRatio="xMidYMid slice" aria-hidden="true" focusable="false">${drawing}</svg>`;
}

const many = (count, draw) => Array.from({ length: Math.round(count) }, (_, index) => draw(index));

const stars = (random, light, width) =>
  many(width / 6.5, () => {
    const size = random() ** 3 * 1.5 + 0.35;
    return html`<circle cx=${random() * width} cy=${random() * 260} r=${size} fill=${light} opacity=${0.25 + random() * 0.65} />`;
  });

const moon = (x, y, r, light, mark) => html`
  <circle cx=${x} cy=${y} r=${r * 2.4} fill="url(#${mark}g)" />
  <circle cx=${x} cy=${y} r=${r} fill=${light} />
`;

function hill(random, base, height, fill, width, opacity = 1) {
  const tops = many(width / 100 + 1, (index) => [index * 100, base - (0.25 + random() * 0.75) * height]);
  const curve = tops.slice(1).map(([x, y], index) => `S ${x - 50} ${y}, ${x} ${index % 2 ? y : y + 6}`);
  return html`<path d="M0 ${tops[0][1]} ${curve.join(" ")} V400 H0Z" fill=${fill} opacity=${opacity} />`;
}

/** The moon over the sea; its path on the water is an equalizer. */
function sea(random, [, , light, ink], mark, width) {
  const x = width * (0.35 + random() * 0.3);
  return html`
    ${moon(x, 178, 50 + random() * 14, light, mark)}
    <rect y="262" width=${width} height="138" fill=${ink} opacity=".82" />
    ${many(13, (index) => {
      const length = (16 + random() * 84) * (1 - index / 22);
      return html`<rect x=${x - length / 2} y=${270 + index * 9.6} width=${length} height="3.4" rx="1.7" fill=${light} opacity=${0.9 - index * 0.055} />`;
    })}
  `;
}

/** A record rises behind the hills. */
function record(random, [, , light, ink], mark, width) {
  const x = width * (0.4 + random() * 0.2);
  const y = 222;
  return html`
    <circle cx=${x} cy=${y} r="190" fill="url(#${mark}g)" />
    <circle cx=${x} cy=${y} r="112" fill=${ink} />
    ${many(9, (ring) => html`<circle cx=${x} cy=${y} r=${46 + ring * 7.4} fill="none" stroke=${light} stroke-width=${ring % 3 ? 0.6 : 1.3} opacity=${0.25 + random() * 0.4} />`)}
    <circle cx=${x} cy=${y} r="36" fill=${light} /><circle cx=${x} cy=${y} r="6" fill=${ink} />
    ${hill(random, 330, 60, ink, width, 0.75)} ${hill(random, 364, 46, ink, width)}
  `;
}

function meteors(random, [, , light, ink], mark, width) {
  return html`
    <circle cx=${width * 0.8} cy="70" r="170" fill="url(#${mark}g)" />
    ${many(9 * Math.sqrt(width / 300), () => {
      const [x, y, length] = [60 + random() * width, 16 + random() * 190, 50 + random() * 120];
      return html`
        <line x1=${x} y1=${y} x2=${x - length} y2=${y + length * 0.62} stroke=${light} stroke-width=${0.8 + random() * 1.8} stroke-linecap="round" opacity=${0.3 + random() * 0.6} />
        <circle cx=${x} cy=${y} r=${1.2 + random() * 1.6} fill=${light} />
      `;
    })}
    ${hill(random, 318, 90, ink, width, 0.55)} ${hill(random, 350, 60, ink, width, 0.8)} ${hill(random, 376, 34, ink, width)}
  `;
}

/** Notes on the wires above a sleeping town. */
function wires(random, [, , light, ink], mark, width) {
  const poles = many(width / 300 + 2, (index) => 214 + (index - 1) * 300);
  return html`
    ${moon(width * (0.24 + random() * 0.2), 128, 34, light, mark)}
    ${many(width / 28 + 1, (index) => {
      const height = 34 + random() * 92;
      const x = index * 28 - 6;
      return html`
        <rect x=${x} y=${400 - height} width="30" height=${height} fill=${ink} opacity="0.92" />
        ${many(Math.floor(height / 17), (floor) =>
          many(2, (side) => random() > 0.58 && html`<rect x=${x + 6 + side * 11} y=${400 - height + 8 + floor * 16} width="6" height="8" rx="1" fill=${light} opacity=${0.5 + random() * 0.45} />`),
        )}
      `;
    })}
    ${poles.map(
      (x) => html`
        <path d="M${x} 400 V168 M${x - 20} 190 H${x + 22} M${x - 16} 206 H${x + 18}" stroke=${ink} stroke-width="5" fill="none" />
        ${[186, 200, 214, 228].map((y, index) => html`<path d="M${x} ${y} Q ${x + 150} ${y + 66 + index * 4}, ${x + 300} ${y}" stroke=${ink} stroke-width="1.6" fill="none" />`)}
        ${many(9, (index) => {
          const at = 36 + index * 26 + random() * 8;
          const slack = 4 * (at / 300) * (1 - at / 300);
          const y = 186 + slack * 33 + Math.floor(random() * 4) * (14 + slack * 2);
          return html`<ellipse cx=${x + at} cy=${y} rx="5" ry="3.8" transform="rotate(-20 ${x + at} ${y})" fill=${ink} /><path d="M${x + at + 4.4} ${y} V${y - 19}" stroke=${ink} stroke-width="1.6" />`;
        })}
      `,
    )}
  `;
}

/** The crowd's penlights under the beams of the stage. */
function crowd(random, [, , light, ink], mark, width) {
  return html`
    ${many(width / 60, (index) => {
      const x = 30 + index * 60;
      const lean = (random() - 0.5) * 150;
      return html`<path d="M${x - 3} -6 L${x + lean - 34} 330 H${x + lean + 34} L${x + 3} -6Z" fill=${light} opacity=${0.08 + random() * 0.1} />`;
    })}
    <ellipse cx=${width / 2} cy="262" rx=${width / 2} ry="150" fill="url(#${mark}g)" />
    ${many(3, (row) =>
      many(width / (21 + row * 2) + 1, (index) => {
        const x = index * (21 + row * 2) + random() * 12 - 6;
        const y = 286 + row * 34 + random() * 18;
        return html`
          <line x1=${x} y1=${y} x2=${x + (random() - 0.5) * 14} y2=${y - 24 - row * 5} stroke=${light} stroke-width=${2.4 + row * 0.7} stroke-linecap="round" opacity=${0.5 + row * 0.2} />
          <circle cx=${x} cy=${y + 16} r=${10 + row * 3} fill=${ink} /><rect x=${x - 10 - row * 3} y=${y + 18} width=${20 + row * 6} height="120" rx="9" fill=${ink} />
        `;
      }),
    )}
  `;
}
