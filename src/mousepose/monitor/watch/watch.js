// Keeps the page as the server has it, and asks the server for changes with the room's token.
"use strict";
(() => {
  const every = 1000 * Math.max(Number(document.body.dataset.refresh) || 5, 1);
  const lost = document.getElementById("lost");
  const patience = 20000;
  let timer = 0, since = null, running = false;

  async function refresh() {
    if (running) return;
    running = true;
    clearTimeout(timer);
    try {
      const answer = await fetch(location.href, { cache: "no-cache", signal: AbortSignal.timeout(patience) });
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.text());
      since = null;
      lost.hidden = true;
    } catch {
      since ??= new Date();
      lost.textContent = `No connection to the monitor since ${since.toLocaleTimeString()}: what is shown is old`;
      lost.hidden = false;
    }
    running = false;
    timer = setTimeout(refresh, document.hidden ? 6 * every : every);
  }

  function show(text) {
    const told = new DOMParser().parseFromString(text, "text/html");
    const fresh = told.querySelector("main"), old = document.querySelector("main");
    if (!fresh || fresh.innerHTML === old.dataset.told) return;
    const kept = fresh.innerHTML;
    // What someone opened stays open, and pictures that are the same are not drawn anew.
    for (const fold of old.querySelectorAll("details[open][data-fold]"))
      for (const other of fresh.querySelectorAll("details[data-fold]"))
        if (other.dataset.fold === fold.dataset.fold) other.open = true;
    const pictures = new Map([...old.querySelectorAll("img")].map((one) => [one.getAttribute("src"), one]));
    for (const picture of fresh.querySelectorAll("img")) {
      const same = pictures.get(picture.getAttribute("src"));
      if (same) { pictures.delete(picture.getAttribute("src")); same.alt = picture.alt; picture.replaceWith(same); }
    }
    const place = document.activeElement?.closest?.("main") ? document.activeElement.getAttribute("href") : null;
    fresh.dataset.told = kept;
    old.replaceWith(fresh);
    if (place) [...fresh.querySelectorAll("a")].find((one) => one.getAttribute("href") === place)?.focus({ preventScroll: true });
    document.title = told.title;
  }

  function token() {
    const known = sessionStorage.getItem("token");
    if (known) return Promise.resolve(known);
    const ask = document.getElementById("ask"), field = document.getElementById("token");
    return new Promise((resolve) => {
      field.value = "";
      ask.returnValue = "";
      ask.querySelector("form").onsubmit = () => { ask.returnValue = field.value.trim(); };
      ask.onclose = () => { resolve(field.value.trim() && ask.returnValue !== "cancel" ? field.value.trim() : ""); field.value = ""; };
      ask.querySelector("button[type=button]").onclick = () => { field.value = ""; ask.close("cancel"); };
      ask.showModal();
    });
  }

  async function act(button) {
    const given = await token();
    if (!given) return;
    const { action, ...values } = button.dataset;
    button.disabled = true;
    try {
      const answer = await fetch(`/actions/${action}`, {
        method: "POST", credentials: "omit", body: JSON.stringify(values),
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${given}` },
      });
      if (answer.status === 401) sessionStorage.removeItem("token");
      else sessionStorage.setItem("token", given);
      const told = await answer.json();
      if (answer.ok) { button.textContent = told.text; setTimeout(refresh, 300); }
      else { button.textContent = told.text; button.disabled = false; }
    } catch {
      button.disabled = false;
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-action]");
    if (button) act(button);
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  timer = setTimeout(refresh, every);
})();
