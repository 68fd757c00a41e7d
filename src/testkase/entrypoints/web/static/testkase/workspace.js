// Steps of a test case are added, removed and put in order without asking the server; test cases are chosen by ticks.
(() => {
  // On a small screen the folders would stand between the title and the test cases.
  const fold = () => {
    if (matchMedia("(max-width: 60rem)").matches) document.querySelector(".tree")?.removeAttribute("open");
  };
  fold();
  // Other parts of the page renew themselves while somebody looks through the folders: those stay open.
  document.addEventListener("htmx:load", (event) => { if (event.detail.elt.querySelector?.(".tree")) fold(); });

  // A page may hold several forms with steps: each works on its own list.
  const listOf = (inside) => inside.closest("form").querySelector("[data-steps]");

  // Numbers and labels say where a step stands now; without this script the server writes them.
  const renumber = (list, news) => {
    [...list.children].forEach((step, at) => {
      step.querySelector("[data-step-number]").textContent = at + 1;
      for (const [name, words] of [["action", "action"], ["expected", "expected result"]]) {
        step.querySelector(`[name="${name}"]`).setAttribute("aria-label", `Step ${at + 1}: ${words}`);
      }
      for (const [name, words] of [["up", "Move step # up"], ["down", "Move step # down"], ["remove", "Remove step #"]]) {
        const button = step.querySelector(`[data-step-${name}]`);
        button.value = `${name}:${at}`;
        button.setAttribute("aria-label", words.replace("#", at + 1));
      }
    });
    if (news) list.closest("form").querySelector("[data-step-news]").textContent = news;
  };

  const added = (list) => {
    list.append(document.getElementById("step-template").content.cloneNode(true));
    renumber(list, `Step ${list.children.length} added`);
    list.lastElementChild.querySelector("textarea").focus();
  };

  const act = {
    "step-up": (step) => step.previousElementSibling?.before(step),
    "step-down": (step) => step.nextElementSibling?.after(step),
    "step-remove": (step) => {
      const next = step.nextElementSibling || step.previousElementSibling;
      const list = step.parentElement;
      step.remove();
      if (!next) added(list);
      next?.querySelector("textarea").focus();
    },
  };

  document.addEventListener("click", (event) => {
    const add = event.target.closest("[data-step-add]");
    if (add) {
      event.preventDefault();
      return added(listOf(add));
    }
    for (const [name, move] of Object.entries(act)) {
      const button = event.target.closest(`[data-${name}]`);
      if (!button) continue;
      event.preventDefault();
      const step = button.closest("[data-step]");
      const list = listOf(button);
      move(step);
      renumber(list, step.isConnected ? `Now step ${[...list.children].indexOf(step) + 1}` : "Step removed");
      if (step.isConnected) button.focus();
      return;
    }
  });

  let dragged = null;
  document.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("[data-step-handle]")?.closest("[data-step]") ?? null;
    if (!dragged) return;
    event.dataTransfer.setData("text/plain", "");
    event.dataTransfer.effectAllowed = "move";
    dragged.classList.add("editor__step--dragged");
  });
  document.addEventListener("dragover", (event) => {
    const over = dragged && event.target.closest("[data-step]");
    if (!over || over.parentElement !== dragged.parentElement) return;
    event.preventDefault();
    if (over === dragged) return;
    const { top, height } = over.getBoundingClientRect();
    if (event.clientY < top + height / 2) over.before(dragged); else over.after(dragged);
  });
  // Else the field under the pointer takes what is dropped for text.
  document.addEventListener("drop", (event) => { if (dragged) event.preventDefault(); });
  document.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("editor__step--dragged");
    const list = dragged.parentElement;
    renumber(list, `Now step ${[...list.children].indexOf(dragged) + 1}`);
    dragged = null;
  });

  const ticks = () => [...document.querySelectorAll('input[name="case"][form="bulk"]')];
  const counted = () => {
    const shown = document.querySelector("[data-ticked]");
    if (shown) shown.textContent = ticks().filter((tick) => tick.checked).length;
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-all]")) ticks().forEach((tick) => { tick.checked = event.target.checked; });
    counted();
  });
  counted();
})();
