// Defines window.Razorpay as Razorpay's Checkout does, with the simulator behind it. No money moves.
// The shop's page may have a strict policy: nothing here needs inline scripts or inline styles.
"use strict";

(function () {
  const home = new URL(document.currentScript.src).origin;
  const name = "Razorpay simulator";

  function flatten(target, prefix, value) {
    for (const [key, part] of Object.entries(value || {})) {
      if (part !== null && part !== undefined && typeof part !== "object" && typeof part !== "function") {
        target.append(`${prefix}[${key}]`, part);
      }
    }
  }

  function address(options) {
    const query = new URLSearchParams({ parent: window.location.origin });
    for (const key of ["key", "order_id", "amount", "currency", "name", "description", "callback_url"]) {
      if (options[key] !== undefined && options[key] !== null && options[key] !== "") {
        query.append(key, options[key]);
      }
    }
    for (const key of ["prefill", "notes", "theme"]) {
      flatten(query, key, options[key]);
    }
    const retry = options.retry;
    query.append("retry[enabled]", retry === false || (retry && retry.enabled === false) ? "false" : "true");
    return `${home}/v1/checkout/frame?${query}`;
  }

  function element(kind, styles, attributes) {
    const made = document.createElement(kind);
    Object.assign(made.style, styles);
    for (const [key, value] of Object.entries(attributes || {})) {
      made.setAttribute(key, value);
    }
    return made;
  }

  function submit(url, fields) {
    const form = element("form", { display: "none" }, { method: "post", action: url });
    for (const [key, value] of Object.entries(fields)) {
      const input = element("input", {}, { type: "hidden", name: key });
      input.value = typeof value === "object" ? JSON.stringify(value) : value;
      form.append(input);
    }
    document.body.append(form);
    form.submit();
  }

  class Razorpay {
    constructor(options) {
      if (!options || !options.key) {
        throw new Error("No key passed");
      }
      this.options = options;
      this.modal = { backdropclose: false, escape: true, confirm_close: false, ...(options.modal || {}) };
      this.listeners = {};
      this.told = new Set();
      this.overlay = null;
      this.hear = this.hear.bind(this);
      this.press = this.press.bind(this);
      this.fit = this.fit.bind(this);
    }

    on(event, listener) {
      (this.listeners[event] = this.listeners[event] || []).push(listener);
      return this;
    }

    open() {
      if (this.overlay) {
        return;
      }
      this.before = document.activeElement;
      this.overlay = element(
        "div",
        {
          position: "fixed", inset: "0", zIndex: "2147483000", display: "flex", alignItems: "center",
          justifyContent: "center", background: (this.options.theme || {}).backdrop_color || "rgba(15, 20, 35, 0.6)",
        },
        { role: "dialog", "aria-modal": "true", "aria-label": `${name}: payment` },
      );
      this.frame = element(
        "iframe",
        { border: "0", background: "#ffffff", colorScheme: "light" },
        { title: `${name} checkout`, name: "razorpay-simulator", src: address(this.options) },
      );
      this.overlay.append(this.frame);
      this.fit();
      this.apart = [...document.body.children].filter((other) => !other.inert);
      this.apart.forEach((other) => { other.inert = true; });
      this.scroll = document.documentElement.style.overflow;
      document.documentElement.style.overflow = "hidden";
      document.body.append(this.overlay);
      this.overlay.addEventListener("click", (event) => {
        if (event.target === this.overlay && this.modal.backdropclose) {
          this.dismiss("backdrop");
        }
      });
      window.addEventListener("message", this.hear);
      window.addEventListener("resize", this.fit);
      document.addEventListener("keydown", this.press);
      this.frame.addEventListener("load", () => this.frame && this.frame.focus());
      if (this.options.timeout) {
        this.timer = window.setTimeout(() => this.dismiss("timeout"), this.options.timeout * 1000);
      }
    }

    // Away without a word; whoever dismissed it is told by dismiss().
    close() {
      if (!this.overlay) {
        return;
      }
      window.clearTimeout(this.timer);
      window.removeEventListener("message", this.hear);
      window.removeEventListener("resize", this.fit);
      document.removeEventListener("keydown", this.press);
      this.overlay.remove();
      this.overlay = this.frame = null;
      this.apart.forEach((other) => { other.inert = false; });
      document.documentElement.style.overflow = this.scroll;
      if (this.before && this.before.focus) {
        this.before.focus();
      }
    }

    dismiss(reason) {
      const asks = this.modal.confirm_close && reason !== "timeout" && reason !== "failed";
      if (!this.overlay || (asks && !window.confirm("Do you want to leave without paying?"))) {
        return;
      }
      this.close();
      if (typeof this.modal.ondismiss === "function") {
        this.modal.ondismiss(reason);
      }
    }

    fit() {
      if (!this.frame) {
        return;
      }
      const small = window.innerWidth < 520;
      Object.assign(this.frame.style, {
        width: small ? "100%" : "440px",
        height: small ? "100%" : `${Math.min(680, window.innerHeight - 48)}px`,
        borderRadius: small ? "0" : "16px",
        boxShadow: small ? "none" : "0 24px 80px rgba(0, 0, 0, 0.35)",
      });
    }

    press(event) {
      if (event.key === "Escape" && this.modal.escape) {
        this.dismiss("escape");
      }
    }

    hear(event) {
      const said = event.data;
      const ours = this.frame && event.origin === home && event.source === this.frame.contentWindow;
      if (!ours || !said || said.from !== "razorpay-simulator") {
        return;
      }
      if (said.type === "dismiss" || (said.type === "escape" && this.modal.escape)) {
        this.dismiss("dismiss");
      } else if (said.type === "success") {
        this.succeed(said.response);
      } else if (said.type === "failed") {
        this.fail(said.error);
      }
    }

    succeed(response) {
      this.close();
      const { handler, callback_url: callback, redirect } = this.options;
      if (callback && (redirect || typeof handler !== "function")) {
        submit(callback, response);
      } else if (typeof handler === "function") {
        handler(response);
      }
    }

    // The same failure is told once, however often its page is shown.
    fail(error) {
      const payment = error.metadata.payment_id;
      if (this.told.has(payment)) {
        return;
      }
      this.told.add(payment);
      (this.listeners["payment.failed"] || []).forEach((listener) => listener({ error }));
      const { callback_url: callback, redirect, retry } = this.options;
      const again = retry !== false && !(retry && retry.enabled === false);
      if (callback && redirect) {
        const fields = Object.entries(error).map(([key, value]) => [`error[${key}]`, value]);
        this.close();
        submit(callback, Object.fromEntries(fields));
      } else if (!again) {
        this.dismiss("failed");
      }
    }
  }

  window.Razorpay = Razorpay;
})();
