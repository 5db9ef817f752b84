// What pages do beyond htmx: dialogs, toasts, the theme, and no second press of a button that moves coins.
// Everything here has a way without script: a link to a page that asks, a form that posts, a message in the page.
(() => {
  "use strict";

  const closest = (event, selector) => event.target instanceof Element ? event.target.closest(selector) : null;

  document.addEventListener("click", (event) => {
    const opener = closest(event, "[data-opens]");
    const dialog = opener && document.getElementById(opener.dataset.opens);
    if (dialog && dialog.showModal) {
      event.preventDefault();
      dialog.showModal();
      return;
    }
    const closer = closest(event, "[data-closes-dialog]");
    const around = closer && closer.closest("dialog");
    if (around && !around.classList.contains("dialog-still")) {
      event.preventDefault();
      around.close();
      return;
    }
    if (event.target instanceof HTMLDialogElement && event.target.open && !event.target.classList.contains("dialog-still")) {
      event.target.close();
      return;
    }
    const crossed = closest(event, "[data-closes-toast]");
    if (crossed) leave(crossed.closest(".toast"));
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; });
  });

  // Copying and printing need script, so their buttons show themselves only where it runs.
  const reveal = (root) => root.querySelectorAll("[data-copies], [data-prints]").forEach((button) => { button.hidden = false; });
  document.addEventListener("DOMContentLoaded", () => reveal(document));
  document.addEventListener("htmx:afterSwap", (event) => reveal(event.target));
  document.addEventListener("click", (event) => {
    if (closest(event, "[data-prints]")) window.print();
    const copier = closest(event, "[data-copies]");
    const from = copier && document.getElementById(copier.dataset.copies);
    if (!from) return;
    const selection = window.getSelection();
    selection.selectAllChildren(from);
    const told = () => { copier.textContent = copier.dataset.done; };
    if (navigator.clipboard) navigator.clipboard.writeText(from.dataset.plain || from.textContent.trim()).then(told, () => {});
  });

  // What is typed is asked about while it is typed. Leaving the field asks no second time, which would redraw the
  // price, and the button under the finger, between the press and its end.
  const TYPED = "[hx-get] input:not([type=radio]):not([type=checkbox])";
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!event.target.matches("[hx-get]")) return;
    event.target.querySelectorAll("input").forEach((input) => { if (input.matches(TYPED)) input.dataset.asked = input.value; });
  });
  document.addEventListener("change", (event) => {
    const typed = event.target;
    if (typed instanceof HTMLInputElement && typed.matches(TYPED) && typed.dataset.asked === typed.value) event.stopPropagation();
  }, true);

  // What would be bought and how, beside the button: a phone shows that before the choices.
  const sumUp = (form) => {
    const place = form && form.querySelector("[data-sums-up]");
    if (!place) return;
    place.replaceChildren(...[...form.querySelectorAll("input:checked[data-says]")].map((chosen) => {
      const said = document.createElement("span");
      said.textContent = chosen.dataset.says;
      return said;
    }));
    place.hidden = !place.firstChild;
  };
  document.addEventListener("change", (event) => sumUp(event.target.form));
  const sumUpAll = () => [...document.forms].forEach(sumUp);
  document.addEventListener("DOMContentLoaded", sumUpAll);

  // A form that moves coins is sent once; the server would refuse the second anyway.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !(form instanceof HTMLFormElement)) return;
    if (form.matches("[data-theme-switch]")) { recolour(event, form); return; }
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    const pressed = event.submitter;
    if (pressed) pressed.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    sumUpAll(); // a browser that goes back keeps what was chosen
    document.querySelectorAll("form[data-sent]").forEach((form) => {
      delete form.dataset.sent;
      form.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
    });
  });

  function recolour(event, form) {
    const theme = event.submitter && event.submitter.value;
    if (!theme) return;
    event.preventDefault();
    document.documentElement.dataset.theme = theme;
    document.querySelectorAll("[data-theme-switch] button").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.value === theme));
    });
    const body = new URLSearchParams(new FormData(form));
    body.set("theme", theme);
    fetch(form.action, { method: "POST", body, headers: { "X-Requested-With": "fetch" }, redirect: "manual" });
  }

  const leave = (toast) => {
    if (!toast) return;
    toast.classList.add("is-leaving");
    setTimeout(() => toast.remove(), 220);
  };
  const await_leaving = (root) => root.querySelectorAll("[data-toast]").forEach((toast) => {
    if (toast.querySelector(".icon-warn")) return;
    setTimeout(() => leave(toast), 6000);
  });
  document.addEventListener("DOMContentLoaded", () => await_leaving(document));
  document.addEventListener("htmx:afterSwap", (event) => await_leaving(event.target));

  // What went wrong between here and the server is said, not swallowed.
  const trouble = (words) => {
    const toasts = document.getElementById("toasts");
    const template = document.getElementById("toast-template");
    if (!toasts || !template || toasts.querySelector("[data-trouble]")) return;
    const toast = template.content.firstElementChild.cloneNode(true);
    toast.dataset.trouble = "yes";
    toast.querySelector("p").textContent = words;
    toasts.append(toast);
    setTimeout(() => leave(toast), 6000);
  };
  document.addEventListener("htmx:sendError", (event) => {
    if (!event.target.closest("[data-quiet]")) trouble(document.body.dataset.offline);
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (!event.target.closest("[data-quiet]")) trouble(document.body.dataset.refused);
  });
})();
