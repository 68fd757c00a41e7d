// The few things HTML and htmx do not do by themselves. Everything is delegated, so swapped-in content works too.
(() => {
  const root = document.documentElement;
  const isDark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;

  const actions = {
    themeToggle() {
      root.dataset.theme = isDark() ? "light" : "dark";
      localStorage.setItem("theme", root.dataset.theme);
    },
    dismiss(button) { button.closest(".toast")?.remove(); },
    closeDialog(button) { button.closest("dialog")?.close(); },
    async copy(button) {
      const field = document.getElementById(button.dataset.copy);
      try { await navigator.clipboard.writeText(field.value); } catch { field.select(); document.execCommand("copy"); }
      button.textContent = "Copied";
    },
    reveal(button) {
      const field = document.getElementById(button.dataset.reveal);
      const hidden = field.type === "password";
      field.type = hidden ? "text" : "password";
      button.textContent = hidden ? "Hide" : "Show";
      button.setAttribute("aria-pressed", String(hidden));
    },
    example(button) {
      const field = document.getElementById(button.dataset.example);
      field.value = button.dataset.text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    },
  };

  document.addEventListener("click", (event) => {
    for (const [name, act] of Object.entries(actions)) {
      const attribute = `[data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}]`;
      const element = event.target.closest(attribute);
      if (element) return void act(element);
    }
    const dialog = event.target.closest("dialog");
    if (dialog && event.target === dialog) dialog.close();
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    const chosen = () => event.target.querySelector("select").selectedOptions[0].text;
    if (question && !confirm(question.replace("{chosen}", chosen))) event.preventDefault();
    else if (event.target.method === "post") keepTyped(event.target);
    if (event.target.method !== "post") return;
    if (!event.defaultPrevented) sendOnce(event);
    if (!event.defaultPrevented) sayWhose(event.target);
  });

  // A form says of which organization its page is: its person may have gone to another one in another tab since.
  function sayWhose(form) {
    const { organization } = document.body.dataset;
    if (!organization || form.elements.shown_organization) return;
    const field = document.createElement("input");
    [field.type, field.name, field.value] = ["hidden", "shown_organization", organization];
    form.append(field);
  }

  // A form that is on its way is not sent again by a second press; whoever stops it, or comes back, may send it anew.
  const sent = new Set();
  function sendOnce(event) {
    if (sent.has(event.target)) return void event.preventDefault();
    sent.add(event.target);
    setTimeout(() => sent.delete(event.target), 3000);
  }
  addEventListener("pageshow", () => sent.clear());
  // What an answer to a form shows once must not be made again by loading the page anew. An address that takes forms alone
  // has no page to load: the answer names the one it is about.
  const once = document.querySelector("[data-shown-once]");
  if (once) history.replaceState(null, "", once.dataset.shownOnce || location.href);

  // A form that is sent when the session has ended leads to the sign-in, and back to an empty form; a page that hears of the
  // end leads there by itself. What was typed is kept in this tab until the next page: that one forgets it, unless it is the same page of the same person, signed in again.
  // Nothing is kept that browsers are told not to remember: passwords, codes, confirmations.
  const { viewer } = document.body.dataset, here = location.pathname + location.search;
  const typedIn = (place) => [...place.querySelectorAll("textarea, input:not([type]), input[type=text]")].filter(
    (field) => field.name && !["off", "one-time-code"].includes(field.autocomplete));
  function keepTyped(form) {
    const fields = typedIn(form).filter((field) => field.value !== field.defaultValue);
    if (!viewer) return;
    if (!fields.length) return void sessionStorage.removeItem("typed");
    const typed = fields.map((field) => [field.id, field.name, field.value]);
    sessionStorage.setItem("typed", JSON.stringify({ viewer, here, typed }));
  }
  function typedAgain() {
    const kept = JSON.parse(sessionStorage.getItem("typed") ?? "null");
    if (!kept) return;
    if (!viewer) return void sessionStorage.setItem("typed", JSON.stringify({ ...kept, signedOut: true }));
    sessionStorage.removeItem("typed");
    if (!kept.signedOut || kept.viewer !== viewer || kept.here !== here) return;
    const fields = typedIn(document), put = kept.typed.filter(([id, name, text]) => {
      const field = fields.find((one) => one.id === id && one.name === name);
      if (!field) return false;
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      return true;
    });
    if (!put.length) return;
    const note = document.createElement("div");
    note.className = "toast";
    note.textContent = "You were signed out before this was sent. What you had typed is here again: look it over and send it.";
    document.getElementById("toasts").append(note);
  }
  document.addEventListener("DOMContentLoaded", typedAgain);
  document.addEventListener("live:leaving", () => keepTyped(document));

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const dialog = document.getElementById("dialog");
    if (event.detail.target?.id !== "dialog-body") return;  // a page that comes back out of the history has no target
    dialog.setAttribute("aria-label", dialog.querySelector("h2")?.textContent.trim() || "Details");
    if (!dialog.open) dialog.showModal();
  });

  // A request that never reached the server must not leave the page silent, nor promise what no page does: only parts
  // that ask again and again try by themselves. What somebody pressed they press anew, and are told so until they have.
  document.addEventListener("htmx:sendError", (event) => {
    const { elt, path } = event.detail.requestConfig, itself = /\bevery\b/.test(elt.getAttribute("hx-trigger"));
    const toasts = document.getElementById("toasts"), said = toasts.querySelector("[data-offline]");
    if (said && (itself || said.dataset.offline)) return;
    said?.remove();
    const note = document.createElement("div");
    note.className = "toast toast--error";
    note.dataset.offline = itself ? "" : path;
    note.append(itself ? "The server cannot be reached. The page tries again by itself."
      : "The server cannot be reached, and may not have heard of this. Try it again in a moment.");
    if (!itself) {
      const close = document.createElement("button");
      [close.type, close.className, close.textContent] = ["button", "button button--quiet button--small", "Dismiss"];
      close.dataset.dismiss = "";
      note.append(close);
    }
    toasts.append(note);
  });
  document.addEventListener("htmx:afterOnLoad", (event) => {
    const said = document.querySelector("#toasts [data-offline]");
    if (said && ["", event.detail.requestConfig.path].includes(said.dataset.offline)) said.remove();
  });

  // An answer that is a whole page about an error must not land in a part of this one: say so, and offer to ask again.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (xhr.status < 400 || !/^\s*<!doctype/i.test(xhr.responseText)) return;
    event.detail.shouldSwap = false;
    document.querySelector("#toasts [data-failed]")?.remove();
    const note = document.createElement("div");
    note.className = "toast toast--error";
    note.dataset.failed = "";
    note.append("This part of the page could not be shown. Nothing was charged for it.");
    if (requestConfig.verb === "get") {
      const again = document.createElement("button");
      again.className = "button button--quiet button--small";
      again.type = "button";
      again.textContent = "Try again";
      again.addEventListener("click", () => {
        note.remove();
        htmx.ajax("get", requestConfig.path, { source: requestConfig.elt, target: event.detail.target });
      });
      note.append(again);
    }
    document.getElementById("toasts").append(note);
  });

  // A part that asks again and again goes where it is gone, or not for this person any more: it would be told each time.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig: { elt, verb } } = event.detail;
    if (verb !== "get" || ![403, 404].includes(xhr.status)) return;
    if (/\bevery\b/.test(elt.getAttribute("hx-trigger"))) setTimeout(() => elt.remove());
  });
  document.addEventListener("htmx:load", (event) => {
    const { elt } = event.detail, text = elt.textContent.trim();
    if (!elt.matches?.("#toasts > .toast")) return;
    for (const other of elt.parentElement.children) if (other !== elt && other.textContent.trim() === text) other.remove();
  });

  // On a narrow screen the tabs scroll sideways: the one somebody is on comes into sight.
  for (const tab of document.querySelectorAll(":is(.tabs, .bar__nav, .choice) [aria-current]")) {
    const row = tab.parentElement;
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }

  // A part that renews itself keeps open what somebody has opened in it.
  const opened = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.detail.shouldSwap) return;
    for (const details of event.detail.target.querySelectorAll("details[id][open]")) opened.push(details.id);
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const id of opened.splice(0)) document.getElementById(id)?.setAttribute("open", "");
  });

  // A form that a browser fills in again on the way back stands beside what an empty one costs: it asks for its own.
  const changed = (field) => field.options
    ? field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected))
    : field.checked !== field.defaultChecked || field.type !== "checkbox" && field.value !== field.defaultValue;
  addEventListener("pageshow", (event) => {
    if (event.persisted) return;
    for (const form of document.querySelectorAll("form[data-ai-form]")) {
      const asks = form.matches("[hx-trigger^=change]") ? form : form.querySelector("[hx-trigger=change]");
      if (asks && [...form.querySelectorAll("input:not([type=hidden]), select, textarea")].some(changed)) htmx.trigger(asks, "change");
    }
  });

  // What was pressed may go with the part it stood in: whoever works without a mouse goes on there, not at the top.
  const CONTROL = "a[href], button:not([disabled], [tabindex='-1']), summary, input:not([type=hidden]), select, textarea";
  let around = null, arrived = [];
  const remember = (event) => {
    const { target, shouldSwap } = event.detail, focused = document.activeElement;
    if (!shouldSwap || focused === document.body || !target.contains(focused)) return;
    [around, arrived] = [[], []];
    for (let one = focused; one && one !== target.parentElement; one = one.parentElement) if (one.id) around.push(one.id);
  };
  document.addEventListener("htmx:beforeSwap", remember);
  document.addEventListener("htmx:oobBeforeSwap", remember);
  document.addEventListener("htmx:load", (event) => { if (around) arrived.push(event.detail.elt); });
  document.addEventListener("htmx:afterSettle", () => {
    if (!around) return;
    const place = around.map((id) => document.getElementById(id)).find((one) => one && !one.disabled && one.getClientRects().length);
    const stays = document.activeElement !== document.body;
    const next = place ? (place.matches("details") ? place.querySelector("summary") : place) : arrived.map((one) => one.querySelector?.(CONTROL)).find(Boolean);
    around = null;
    if (stays || !next) return;
    if (!next.matches(CONTROL)) next.tabIndex = -1;
    next.focus({ preventScroll: true });
  });
})();
