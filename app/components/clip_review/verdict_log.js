// The verdicts of this browser that the database has not acknowledged yet.
// Each is kept in localStorage under its own uuid, so a closed tab, a dropped socket or a restarted server
// loses nothing, and two tabs never overwrite each other. The database inserts a uuid once.

const RESEND_AFTER = 1500; // ms without an acknowledgement; twice as long after each that came to nothing
const RESEND_MOST = 12000;
const OFFLINE_AFTER = 4000; // ms after which we say so
const RELOAD_AFTER = 8000; // ms after which the page is loaded anew, if the server answers at all
const RELOAD_PAUSE = 20000; // ms between two such reloads

const now = () => performance.timeOrigin + performance.now();

/** crypto.randomUUID is missing outside secure contexts (http on a LAN address). */
function newUuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

class VerdictLog {
  constructor(scope, onStatus) {
    this.prefix = `finepseudo.verdict.${scope}.`;
    this.onStatus = onStatus;
    this.pending = new Map(); // uuid -> event, in the order they were made
    this.kept = true; // false where the browser has no storage to keep them in
    this.sent = 0;
    this.patience = RESEND_AFTER;
    for (const event of this.stored()) this.pending.set(event.uuid, event);
    this.timer = setInterval(() => this.tick(), 500);
  }

  stored() {
    const events = [];
    try {
      for (let place = 0; place < localStorage.length; place += 1) {
        const name = localStorage.key(place);
        if (name.startsWith(this.prefix)) events.push(JSON.parse(localStorage.getItem(name)));
      }
    } catch {
      this.kept = false;
    }
    return events.sort((one, other) => one.order - other.order);
  }

  /** The function that carries the log to the server; it changes whenever the page draws anew. */
  connect(send) {
    this.send = send;
  }

  append(event) {
    const whole = { uuid: newUuid(), made_at: new Date().toISOString(), order: now(), ...event };
    this.pending.set(whole.uuid, whole);
    try {
      localStorage.setItem(this.prefix + whole.uuid, JSON.stringify(whole));
    } catch {
      this.kept = false;
    }
    this.flush();
    return whole;
  }

  flush() {
    if (!this.pending.size || !this.send) return;
    this.sent += 1;
    this.sentAt = performance.now();
    this.send({ attempt: this.sent, events: [...this.pending.values()].map(({ order, ...event }) => event) });
    this.report();
  }

  /** Send again what nobody answered, each time later: a busy server is not helped by being asked more. */
  resend() {
    this.patience = Math.min(2 * this.patience, RESEND_MOST);
    this.flush();
  }

  acknowledge(uuids) {
    if (uuids.some((uuid) => this.pending.has(uuid))) this.patience = RESEND_AFTER;
    for (const uuid of uuids) {
      this.pending.delete(uuid);
      try {
        localStorage.removeItem(this.prefix + uuid);
      } catch {
        this.kept = false;
      }
    }
    this.report();
  }

  tick() {
    if (!this.pending.size) return;
    if (this.sentAt === undefined) this.flush(); // kept from before this page
    else if (performance.now() - this.sentAt > this.patience) this.resend();
    this.report();
    if (this.age() > RELOAD_AFTER) this.reload();
  }

  /** How long the oldest verdict has been waiting on this page. */
  age() {
    const oldest = this.pending.values().next().value;
    return oldest ? now() - Math.max(oldest.order, performance.timeOrigin) : 0;
  }

  /** A server that was restarted, or forgot us while the machine slept, hears nothing from this page any more;
      a fresh one sends what is kept. */
  async reload() {
    const last = Number(sessionStorage.getItem("finepseudo.reloaded") ?? 0);
    if (!this.kept || this.reloading || now() - last < RELOAD_PAUSE) return;
    this.reloading = true;
    const answer = await fetch("/_stcore/health", { cache: "no-store" }).catch(() => null);
    this.reloading = false;
    if (!answer?.ok || this.age() <= RELOAD_AFTER) return;
    sessionStorage.setItem("finepseudo.reloaded", String(now()));
    location.reload();
  }

  report() {
    const waiting = this.pending.size;
    if (!waiting) return this.onStatus("saved", 0);
    return this.onStatus(this.age() > OFFLINE_AFTER ? "offline" : "saving", waiting);
  }

  close() {
    clearInterval(this.timer);
  }
}
