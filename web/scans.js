// What a door keeps on its device (IndexedDB): guest lists, and every scan until the server has answered and after.
//
// A scan: {order, scanId, deviceId, performanceId, code, at, ticketId?, seatNumber?, told, answer?, unsent?, look?, admits?}
//   told    what was shown at the door: {outcome, why?, first?}
//   answer  what the server said: {outcome, first?}, or {refused: code} if it will never take it
//   unsent  1 until the server has answered
//   look    1 if the answer is another than what was shown, until somebody has seen it
//   admits  performance and ticket, if the guest was let in here

const NAME = "ost-door";

let opening;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      const scans = request.result.createObjectStore("scans", { keyPath: "order", autoIncrement: true });
      for (const index of ["performanceId", "unsent", "admits"]) scans.createIndex(index, index);
      request.result.createObjectStore("lists", { keyPath: "performanceId" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  opening.catch(() => (opening = undefined));
  return opening;
}

const answered = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Runs `work(store)` in one transaction, and returns its result once everything is on the disk. */
async function within(name, mode, work) {
  const transaction = (await database()).transaction(name, mode, { durability: "strict" });
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
  });
  done.catch(() => {}); // told below, or by the work itself
  const result = await work(transaction.objectStore(name));
  await done;
  return result;
}

export const keepList = (list) => within("lists", "readwrite", (lists) => answered(lists.put(list)));
export const listOf = (performanceId) => within("lists", "readonly", (lists) => answered(lists.get(performanceId)));
export const keptLists = () => within("lists", "readonly", (lists) => answered(lists.getAll()));

export const scansOf = (performanceId) => within("scans", "readonly", (scans) => answered(scans.index("performanceId").getAll(performanceId)));
export const unsentScans = () => within("scans", "readonly", (scans) => answered(scans.index("unsent").getAll(1)));

/**
 * Keeps a scan, and returns it as it was kept. Who was let in on this device before is not let in again, in whichever of its
 * tabs: the look and the note are one transaction.
 */
export const keepScan = (scan) =>
  within("scans", "readwrite", async (scans) => {
    const kept = { ...scan, unsent: 1 };
    if (scan.told.outcome === "ADMITTED") {
      const admits = `${scan.performanceId} ${scan.ticketId}`;
      const first = await answered(scans.index("admits").get(admits));
      if (first) kept.told = { outcome: "ALREADY", why: "here", first: { at: first.at, deviceId: first.deviceId } };
      else kept.admits = admits;
    }
    kept.order = await answered(scans.add(kept));
    return kept;
  });

/** Changes scans by `change(scan)`, which returns what a scan is to be. */
export const changeScans = (orders, change) =>
  within("scans", "readwrite", async (scans) => {
    const changed = [];
    for (const order of orders) {
      const scan = change(await answered(scans.get(order)));
      await answered(scans.put(scan));
      changed.push(scan);
    }
    return changed;
  });

/** Forgets dates that were loaded before `at` (epoch ms), if every scan of them is answered and looked at. */
export async function forgetDates(at) {
  for (const { performanceId } of (await keptLists()).filter(({ loadedAt }) => loadedAt < at)) {
    const old = await scansOf(performanceId);
    if (old.some(({ unsent, look }) => unsent || look)) continue;
    await within("scans", "readwrite", (scans) => Promise.all(old.map(({ order }) => answered(scans.delete(order)))));
    await within("lists", "readwrite", (lists) => answered(lists.delete(performanceId)));
  }
}
