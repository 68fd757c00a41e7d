// Keeps an open page up to date. A stream (GET /live) says how far the organization has come. Where that is further than
// the page, an event is dispatched on <body>, and whatever listens asks for its own part again:
//
//   live:balance        the balance is another; detail.available is a decimal string of credits
//   live:usage          an AI interaction was recorded, one that cost 0 included
//   live:switch         AI was switched; detail.on says how it is now
//   live:notifications  somebody in the organization was told something
//
//   <section hx-get="…" hx-trigger="live:usage from:body">       a part that renews itself
//   <div id="actions" data-live-region>                          a part renewed from the page's own address at live:switch
//   <strong data-live-balance>                                   the figure itself, renewed without a request
//   class="ai-on-only", class="ai-off-only"                      shown while <body data-ai> says so
//
// The stream is opened with a ticket that lives a minute; Django writes a new one as long as the person may look on. A
// hidden page has no stream, and catches up when it is looked at again: what is sent is how things stand, never what
// changed. Where streams do not get through, asking for tickets every quarter of a minute takes their place.
(() => {
  const place = document.getElementById("live");
  if (!place) return;
  const QUIET_MS = 8000;      // an open stream that has said nothing for so long is held back by something in between
  const CALM_MS = 3000;       // parts are renewed at most this often, however many calls there are
  const SLOWEST_MS = 15000;

  let state = { seq: Number(place.dataset.seq), ai: place.dataset.ai === "on" };
  let ticket = { text: place.dataset.ticket, seconds: Number(place.dataset.seconds) };
  let source = null, waiting = 0, watchdog = 0;
  let failures = 0, unanswered = 0;  // of streams in a row; of tickets, which a server that is away does not write

  const say = (name, detail) => document.body.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));

  const calmly = (name) => {  // the first at once, then at most one every CALM_MS, the last one never lost
    let resting = false, missed = null;
    return function tell(detail) {
      if (resting) { missed = { detail }; return; }
      resting = true;
      say(name, detail);
      setTimeout(() => { resting = false; if (missed) { const { detail: last } = missed; missed = null; tell(last); } }, CALM_MS);
    };
  };
  const balance = calmly("balance"), usage = calmly("usage"), notifications = calmly("notifications");

  function see(next) {
    const before = state, moved = next.seq !== before.seq;
    if (next.seq < before.seq) return;  // an answer that was on its way while another came
    state = next;
    const differs = (name) => before[name] === undefined ? moved : before[name] !== next[name];
    if (differs("available")) {
      for (const figure of document.querySelectorAll("[data-live-balance]")) figure.textContent = grouped(next.available);
      balance({ available: next.available });
    }
    if (differs("usage")) usage();
    if (differs("notice")) notifications();
    if (before.ai !== next.ai) switched(next.ai);
  }

  const grouped = (credits) => credits.replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

  function switched(on) {
    document.body.dataset.ai = on ? "on" : "off";
    const note = document.getElementById(on ? "live-on" : "live-off").content.cloneNode(true);
    document.querySelectorAll("#toasts [data-switched]").forEach((older) => older.remove());
    document.getElementById("toasts").append(note);
    say("switch", { on });
    renewRegions();
  }

  let turn = 0;

  // Whoever types there finds it again after signing in: site.js keeps it. Whoever pays there is not cut off: checkout.js
  // prevents it, and it is tried again.
  function leave() {
    if (!document.dispatchEvent(new Event("live:leaving", { cancelable: true }))) return void later(unanswered++);
    location.reload();
  }

  async function renewRegions() {
    const regions = document.querySelectorAll("[data-live-region]"), mine = ++turn;
    if (!regions.length) return;
    const answer = await fetch(location.pathname + location.search, { headers: { "X-Live": "regions" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (page.body.dataset.organization !== document.body.dataset.organization) return void leave();
    if (mine !== turn) return;  // switched again meanwhile: the answer to that is on its way
    for (const region of regions) {
      const fresh = page.getElementById(region.id);
      if (!fresh || !region.isConnected) continue;
      const focused = region.contains(document.activeElement);
      region.replaceWith(fresh);
      window.htmx?.process(fresh);
      if (focused) document.getElementById("main").focus({ preventScroll: true });
    }
  }

  function close() {
    source?.close();
    source = null;
    clearTimeout(waiting);
    clearTimeout(watchdog);
  }

  function listen() {
    close();
    if (document.hidden) return;
    source = new EventSource(`${place.dataset.stream}?ticket=${encodeURIComponent(ticket.text)}`);
    source.onmessage = (event) => {
      failures = 0;
      clearTimeout(watchdog);
      see(JSON.parse(event.data));
    };
    source.addEventListener("over", renew);
    source.onerror = again;
    watchdog = setTimeout(again, QUIET_MS);
    waiting = setTimeout(renew, Math.max(5, ticket.seconds - 5) * 1000);
  }

  function again() {
    later(failures++);
  }

  function later(times) {
    close();
    const pause = Math.min(SLOWEST_MS, 500 * 2 ** times);
    waiting = setTimeout(renew, pause * (0.75 + Math.random() / 2));  // not all pages at once after a restart
  }

  async function renew() {
    clearTimeout(waiting);
    try {
      const answer = await fetch(place.dataset.renewal, { redirect: "manual" });
      // Signed out, another person, no longer a member, or at home in another organization since: what is shown is not
      // theirs to see.
      if (answer.type === "opaqueredirect") return void leave();
      if (!answer.ok) throw new Error(String(answer.status));
      const told = await answer.json();
      if (told.organization !== Number(place.dataset.organization)) return void leave();
      if (told.viewer !== Number(document.body.dataset.viewer)) return void leave();
      ticket = told;
      unanswered = 0;
      see(told.state);
      if (failures > 4) again(); else listen();
    } catch {
      later(unanswered++);
    }
  }

  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else renew(); });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) renew(); });

  // While AI is off, a form that asks for an estimate as one writes has nothing to ask.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.body.dataset.ai === "off" && event.target.closest("[data-ai-form]")) event.preventDefault();
  });

  listen();
})();
