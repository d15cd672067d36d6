// Waking up on time in a tab that nobody looks at.
//
// Browsers let timers of a hidden page fire once a minute, too seldom for a place in line that lives for seconds.
// Timers of a worker are left alone, so one tiny worker does the waiting.

let worker;
let last = 0;
const waiting = new Map();

function start() {
  const url = new URL("alarm-worker.js", import.meta.url).href;
  // The page's policy demands Trusted Types; the only script URL that it may ever make is this one.
  const policy = globalThis.trustedTypes?.createPolicy("ost-alarm", { createScriptURL: () => url });
  worker = new Worker(policy ? policy.createScriptURL("") : url);
  worker.onmessage = ({ data }) => waiting.get(data)?.();
  worker.onerror = () => {
    worker = null; // no workers here: ordinary timers must do
    for (const done of [...waiting.values()]) done(); // too early, so that who waits asks anew how long
  };
}

/** Fetches the worker before it is needed. */
export function prepareAlarm() {
  if (worker === undefined) start();
}

/** Resolves after `ms`, or as soon as `interrupt` (an AbortSignal) fires. */
export function alarm(ms, interrupt) {
  prepareAlarm();
  return new Promise((resolve) => {
    const id = (last += 1);
    const timer = worker ? worker.postMessage({ id, ms }) : setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      waiting.delete(id);
      interrupt?.removeEventListener("abort", done);
      resolve();
    }
    waiting.set(id, done);
    if (interrupt?.aborted) done();
    else interrupt?.addEventListener("abort", done);
  });
}
