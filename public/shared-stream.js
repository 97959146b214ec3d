// Receives the events of the jobs of all open pages through one connection, and the changes of all jobs through another
// one, because browsers open at most six connections to a server that does not speak HTTP/2. All pages of a browser share
// this worker.
//
// A page sends "JOB SEQ all" to receive all events of a job after a seq, "JOB SEQ lifecycle" to receive new lifecycle
// events, "jobs" to receive an event for each change of a job, and "" before it is closed. It receives pairs of a type and
// a text: "open", "event" (with the event of a job as JSON), "heartbeat", "terminal" (all events of its job have been
// sent), and "error" when the stream has broken. After an error, the page subscribes again.

/**
 * The pages, with the seq of the last event that they have.
 * @type {Map<MessagePort, { job: string, seq: number, all: boolean }>}
 */
const pages = new Map();
/**
 * The unfinished jobs of the open stream, with the seq of the last event that was received.
 * @type {Map<string, { seq: number, all: boolean }>}
 */
let streamed = new Map();
/** @type {EventSource | null} */
let source = null;
let opening = 0;
let opensAt = Infinity;

/** The pause before the stream is opened again because a job is no longer shown, in milliseconds. */
const LATER = 1000;
/** The pause before the stream is opened again because of a new page. Several pages may be restored at once. */
const SOON = 10;
/** The maximum number of jobs of a stream, which is the API's limit. Pages of other jobs receive nothing, and poll. */
const MOST_JOBS = 50;

/**
 * The pages that show a list of jobs.
 * @type {Set<MessagePort>}
 */
const lists = new Set();
/** @type {EventSource | null} */
let changes = null;

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => {
    if (data === "jobs") {
      watchJobs(port);
    } else if (data) {
      subscribe(port, data);
    } else {
      leave(port);
    }
  };
  // Not all browsers report that a page has crashed. A port that remains receives messages that nobody reads.
  port.onclose = () => leave(port);
};

function subscribe(port, text) {
  const [job, seq, kinds] = text.split(" ");
  const page = { job, seq: Number(seq), all: kinds === "all" };
  pages.set(port, page);
  if (!isServed(page)) {
    openAfter(SOON);
  } else if (source.readyState === EventSource.OPEN) {
    port.postMessage(["open", ""]);
  }
}

function leave(port) {
  if (pages.delete(port)) {
    openAfter(LATER);
  }
  if (lists.delete(port) && lists.size === 0) {
    changes?.close();
    changes = null;
  }
}

/** Sends the changes of all jobs to a page. */
function watchJobs(port) {
  lists.add(port);
  if (changes?.readyState === EventSource.OPEN) {
    port.postMessage(["open", ""]);
  }
  if (changes) {
    return;
  }
  const stream = new EventSource("/api/queue/jobs/stream");
  const send = (type) => lists.forEach((list) => list.postMessage([type, ""]));
  stream.onopen = () => send("open");
  stream.addEventListener("job", () => send("event"));
  // The pages subscribe again.
  stream.onerror = () => {
    stream.close();
    changes = null;
    send("error");
    lists.clear();
  };
  changes = stream;
}

/** Returns whether the stream will send what the page lacks. */
function isServed({ job, seq, all }) {
  const known = source && streamed.get(job);
  return Boolean(known) && (!all || (known.all && seq >= known.seq));
}

function openAfter(pause) {
  if (performance.now() + pause < opensAt) {
    clearTimeout(opening);
    opening = setTimeout(open, pause);
    opensAt = performance.now() + pause;
  }
}

/** Opens the stream of the jobs of all pages, unless the open stream is that already. */
function open() {
  opensAt = Infinity;
  const wanted = wantedJobs();
  const isOpen = ([job, of]) => streamed.get(job)?.all === of.all;
  if (source && wanted.size === streamed.size && [...wanted].every(isOpen) && [...pages.values()].every(isServed)) {
    return;
  }
  source?.close();
  source = null;
  streamed = wanted;
  if (wanted.size === 0) {
    return;
  }
  const jobs = (all) => [...wanted].filter(([, of]) => of.all === all).map(([job, of]) => `${job}:${of.seq}`);
  source = new EventSource(`/api/queue/events/stream?jobs=${jobs(true)}&lifecycle=${jobs(false)}`);
  source.onopen = () => sendToAll("open");
  source.onerror = broken;
  source.addEventListener("heartbeat", () => sendToAll("heartbeat"));
  source.addEventListener("queue_event", ({ data, lastEventId }) => {
    const [job, seq] = lastEventId.split(":");
    sendEvent(job, Number(seq), data);
  });
  source.addEventListener("terminal", ({ lastEventId }) => end(lastEventId, "terminal"));
  // A page learns why its job cannot be streamed when it polls after the error.
  source.addEventListener("refused", ({ lastEventId }) => end(lastEventId, "error"));
}

/** Returns the jobs of the pages, each after the earliest seq. Pages that show output and newer pages come first. */
function wantedJobs() {
  const wanted = new Map();
  const newest = [...pages.values()].reverse();
  for (const { job, seq, all } of [...newest.filter((page) => page.all), ...newest.filter((page) => !page.all)]) {
    const known = wanted.get(job);
    if (!known && wanted.size < MOST_JOBS) {
      wanted.set(job, { seq, all });
    } else if (known && known.all === all) {
      known.seq = Math.min(known.seq, seq);
    }
  }
  return wanted;
}

/** Sends an event to the pages that lack it. */
function sendEvent(job, seq, data) {
  const known = streamed.get(job);
  known.seq = seq;
  let isOutput;
  for (const [port, page] of pages) {
    if (page.job !== job || seq <= page.seq) {
      continue;
    }
    if (page.all) {
      // A page that lacks earlier events gets them when the stream is opened again, which is about to happen.
      if (seq > page.seq + 1) {
        continue;
      }
    } else if (known.all && (isOutput ??= JSON.parse(data).payload.kind === "log")) {
      continue;
    }
    page.seq = seq;
    port.postMessage(["event", data]);
  }
}

/** Reports that no more events of a job follow. */
function end(id, type) {
  const [job] = id.split(":");
  streamed.delete(job);
  for (const [port, page] of pages) {
    if (page.job === job) {
      port.postMessage([type, ""]);
    }
  }
}

function broken() {
  source.close();
  source = null;
  for (const port of pages.keys()) {
    port.postMessage(["error", ""]);
  }
}

/** Sends a message to the pages of all streamed jobs. */
function sendToAll(type) {
  for (const [port, { job, all }] of pages) {
    const known = streamed.get(job);
    if (known && (known.all || !all)) {
      port.postMessage([type, ""]);
    }
  }
}
