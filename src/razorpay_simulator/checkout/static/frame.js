// Inside Checkout's pages: tells the shop's page what happened, and fills in test instruments. The pages work without it.
"use strict";

(function () {
  const { message, parent: parentOrigin, color } = document.body.dataset;

  function say(what) {
    if (parentOrigin && window.parent !== window) {
      window.parent.postMessage({ from: "razorpay-simulator", ...what }, parentOrigin);
    }
  }

  function readable(hex) {
    const full = hex.length === 4 ? hex.replace(/[0-9a-f]/gi, "$&$&") : hex;
    const [red, green, blue] = [1, 3, 5].map((start) => parseInt(full.slice(start, start + 2), 16) / 255);
    return 0.2126 * red ** 2.2 + 0.7152 * green ** 2.2 + 0.0722 * blue ** 2.2 > 0.22 ? "#17203a" : "#ffffff";
  }

  function fill(name, value) {
    const field = document.querySelector(`[name="${name}"]`);
    if (field) {
      field.value = value;
    }
  }

  if (color) {
    document.documentElement.style.setProperty("--accent", color);
    document.documentElement.style.setProperty("--on-accent", readable(color));
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      say({ type: "escape" });
    }
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) {
      return;
    }
    if (button.dataset.say) {
      say({ type: button.dataset.say });
    } else if (button.dataset.fill) {
      const [name, value] = button.dataset.fill.split("=");
      fill(name, value);
    } else if (button.dataset.card) {
      fill("number", button.dataset.card);
      fill("expiry", "12/34");
      fill("cvv", button.dataset.network === "American Express" ? "1234" : "123");
      fill("cardholder", "Test Card");
      button.closest("details").open = false;
      document.querySelector(".pay").focus();
    }
  });

  // An attribute would not do: browsers ignore autofocus in the frame of another origin.
  const first = document.querySelector("[data-first]");
  if (first) {
    first.focus();
  }
  if (message) {
    say(JSON.parse(message));
  }
  const onward = document.querySelector("form[data-at-once]");
  if (onward) {
    onward.submit();
  }
})();
