// A shared worker that serves all pages of a browser. It receives the events of the pages' jobs through one connection,
// and the changes to all jobs through another. If each page had connections of its own, they would soon run out,
// because browsers open at most six connections to a server that does not support HTTP/2.
//
// A page subscribes by sending one of these strings. A seq is the sequence number of an event of a job.
//
// - "JOB SEQ all": sends the page all events of the job after this seq.
// - "JOB SEQ lifecycle": sends the page new lifecycle events of the job.
// - "jobs": sends the page an event for each change to any job.
// - "": ends the subscription.
//
// A page receives pairs of a type and a string. The types are:
//
// - "open": the stream is open.
// - "event": the string is an event of the job as JSON, or is empty if the page has subscribed to "jobs".
// - "heartbeat": the stream is still open.
// - "terminal": the job has ended, and the string is the seq of its last event. A page that has just subscribed may
//   receive "terminal" before all events, because the open stream may have begun after the page's seq. The page then
//   fetches the missing events itself.
// - "error": the stream has broken, or cannot include the job. The page has to subscribe again.

/**
 * The pages that have subscribed to a job, each with the seq of the last event that it has received.
 * @type {Map<MessagePort, { job: string, seq: number, all: boolean }>}
 */
const pages = new Map();
/**
 * The unfinished jobs of the open stream, each with the seq of the last event that the stream has sent.
 * @type {Map<string, { seq: number, all: boolean }>}
 */
let streamed = new Map();
/** @type {EventSource | null} */
let source = null;
let opening = 0;
let opensAt = Infinity;

/** The delay, in milliseconds, before the stream is reopened because a page no longer shows a job. */
const LATER = 1000;
/** The delay, in milliseconds, before the stream is reopened for a new page. Several pages may be restored at once. */
const SOON = 10;
/** The maximum number of jobs in a stream, which is the API's limit. Pages of other jobs receive nothing, and poll. */
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
  // Some browsers do not report that a page has crashed. Messages to the port of a crashed page have no effect.
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

/** Subscribes a page to the changes to all jobs. */
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
  // After an error, the pages subscribe again.
  stream.onerror = () => {
    stream.close();
    changes = null;
    send("error");
    lists.clear();
  };
  changes = stream;
}

/** Returns whether the open stream will send all events that the page lacks. */
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

/** Opens a stream for the jobs of all pages, unless the open stream already serves them. */
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
  // After the error, the page polls, and the response contains the reason why its job cannot be streamed.
  source.addEventListener("refused", ({ lastEventId }) => end(lastEventId, "error"));
}

/**
 * Returns the jobs that the pages show, each with the smallest seq of its pages. Jobs of pages that show output come
 * first, and jobs of newer pages come before jobs of older pages.
 */
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
      // The page lacks earlier events. It receives them when the stream is reopened, which has already been scheduled.
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

/** Reports that no more events of a job will follow. The id consists of the job and the seq of its last event. */
function end(id, type) {
  const [job, seq] = id.split(":");
  streamed.delete(job);
  for (const [port, page] of pages) {
    if (page.job === job) {
      port.postMessage([type, seq]);
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
