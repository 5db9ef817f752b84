// Comfort only: the page works without it.
const form = document.getElementById("payment");
const number = document.getElementById("number");
const expiry = document.getElementById("expiry");
const cvc = document.getElementById("cvc");

number?.addEventListener("input", () => {
  if (number.selectionStart !== number.value.length) return;
  number.value = (number.value.replace(/\D/g, "").slice(0, 19).match(/.{1,4}/g) || []).join(" ");
});

expiry?.addEventListener("input", (event) => {
  if (event.inputType?.startsWith("delete")) return;
  const digits = expiry.value.replace(/\D/g, "").slice(0, 4);
  expiry.value = digits.length >= 2 ? `${digits.slice(0, 2)} / ${digits.slice(2)}` : digits;
});

for (const button of document.querySelectorAll(".fill")) {
  button.addEventListener("click", () => {
    number.value = button.dataset.number;
    expiry.value = `12 / ${String(new Date().getFullYear() + 4).slice(2)}`;
    cvc.value = "123";
    document.getElementById("pay").focus();
  });
}

form?.addEventListener("submit", () => {
  const pay = document.getElementById("pay");
  // After the form has been read, so that the button's own state can't change what is sent.
  setTimeout(() => { pay.disabled = true; pay.textContent = "Processing…"; });
});

// Back from the shop by the browser's own button: the page may be an old copy of itself.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
