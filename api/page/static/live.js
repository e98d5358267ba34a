// The stream of committed readings. It reconnects by itself, and tells how it goes.

import data from "./data.js";

const PATIENCE = 2.5; // heartbeats that may be missing
const AGAIN = 5000; // milliseconds until the next try where the browser gave up

/** Tells "readings" (a list), "pulse" (what the platform says of itself) and "lost". */
export class Live extends EventTarget {
  start() {
    this.after = data.after;
    this.heartbeat = 10;
    this.heard = Date.now();
    this.connect();
    setInterval(() => this.watch(), 1000);
  }

  connect() {
    this.source?.close();
    const source = new EventSource(`${data.root}/api/v1/live?after=${this.after}`);
    this.source = source;
    const on = (name, hear) =>
      source.addEventListener(name, (event) => {
        this.heard = Date.now();
        this.after = event.lastEventId || this.after;
        hear(JSON.parse(event.data));
      });
    on("hello", ({ heartbeat }) => {
      this.heartbeat = heartbeat;
    });
    on("readings", ({ readings }) => {
      const now = new Date().toISOString();
      this.tell("readings", readings);
      this.tell("pulse", { time: now, committed: now, database: true });
    });
    on("heartbeat", (pulse) => this.tell("pulse", pulse));
    on("reset", () => this.reload());
    on("dropped", () => this.tell("lost"));
    source.onerror = () => {
      this.tell("lost");
      if (source.readyState === EventSource.CLOSED) {
        setTimeout(() => this.source === source && this.connect(), AGAIN);
      }
    };
  }

  /** A connection that says nothing is none, whatever the browser thinks of it. */
  watch() {
    if (Date.now() - this.heard > PATIENCE * this.heartbeat * 1000) {
      this.heard = Date.now();
      this.tell("lost");
      this.connect();
    }
  }

  /** Fetch the page's own list anew, where nobody knows which readings were missed. */
  async reload() {
    try {
      const answer = await fetch(`${data.root}/?language=${data.language}&anew=true`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      this.tell(
        "readings",
        [...page.querySelectorAll("data")].map((part) => ({
          stream: part.dataset.stream,
          value: Number(part.value),
          time: part.dataset.time ?? part.closest("tr").querySelector("time").dateTime,
        })),
      );
    } catch {
      this.tell("lost");
    }
  }

  tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}
