// A chat's page: Enter asks, the page follows the answer while one looks at its end, a narrow page begins with the chat.
(() => {
  const composer = document.getElementById("composer"), turns = document.getElementById("turns");
  if (!composer) return;
  const field = composer.querySelector("textarea");
  const NEAR = 160;  // so close to the end, somebody reads along

  const atEnd = () => document.documentElement.scrollHeight - innerHeight - scrollY < NEAR;
  const toEnd = () => scrollTo({ top: document.documentElement.scrollHeight });

  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!composer.querySelector("[type=submit]").disabled) composer.requestSubmit();
  });

  document.body.addEventListener("chat-asked", () => {
    field.value = "";
    document.getElementById("chat-refusal").replaceChildren();
    field.focus({ preventScroll: true });
    requestAnimationFrame(toEnd);
  });

  // The button sleeps while its question is on the way, and lets the focus go: after a refusal one goes on in the question.
  composer.addEventListener("htmx:afterRequest", (event) => {
    if (event.target === composer && document.activeElement === document.body) field.focus({ preventScroll: true });
  });

  let follow = false;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.classList?.contains("turn__answer")) follow = atEnd();  // other parts swap meanwhile
  });
  document.addEventListener("htmx:afterSettle", () => { if (follow) toEnd(); follow = false; });

  if (matchMedia("(max-width: 760px)").matches) document.querySelector(".chat__list")?.removeAttribute("open");
  // A first question opens a new page: whoever types goes on typing. On a touch screen that would open the keyboard.
  if (document.querySelector(".turn__answer--running") && matchMedia("(pointer: fine)").matches) field.focus({ preventScroll: true });
  if (turns) toEnd();
})();
