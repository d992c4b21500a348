"use strict";
// Everything on the page is there without this script; it adds copying, folding of long tables, and the filter of passages.
const FOLD = 12;
const make = (name, text, kind) => Object.assign(document.createElement(name), { textContent: text, className: kind || "" });

// A table as tab-separated text, with the exact values; pictures and links are left out.
const tsv = (table) =>
  [...table.rows]
    .map((row) =>
      [...row.cells]
        .filter((cell) => !cell.matches(".plot, .link"))
        .map((cell) => cell.dataset.copy ?? cell.textContent.trim().replace(/\s+/g, " "))
        .join("\t"),
    )
    .join("\n");

const copied = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = make("textarea", text);
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
};

for (const figure of document.querySelectorAll(".figure")) {
  const table = figure.querySelector("table");
  const made = figure.querySelector(".made");
  const told = table.caption.textContent;
  const copy = make("button", "Copy table");
  copy.type = "button";
  copy.setAttribute("aria-label", `Copy table: ${told}`);
  const said = make("span", "", "soft");
  said.setAttribute("role", "status");
  copy.addEventListener("click", async () => {
    said.textContent = (await copied(tsv(table))) ? "copied, with exact values" : "the browser forbids copying";
    setTimeout(() => (said.textContent = ""), 3000);
  });
  made.prepend(copy, said);
  const rows = [...table.tBodies[0].rows];
  if (rows.length > FOLD + 3) {
    const rest = rows.slice(FOLD);
    const more = make("button", "");
    more.type = "button";
    const fold = (folded) => {
      for (const row of rest) row.classList.toggle("folded", folded);
      more.textContent = folded ? `Show all ${rows.length}` : `Show the first ${FOLD}`;
      more.setAttribute("aria-expanded", String(!folded));
      more.setAttribute("aria-label", `${more.textContent} rows: ${told}`);
    };
    more.addEventListener("click", () => fold(more.getAttribute("aria-expanded") === "true"));
    fold(true);
    made.prepend(more);
  }
}

// The filter of passages.
const form = document.querySelector("form.filter");
const articles = [...document.querySelectorAll("article")];
const shown = document.getElementById("shown");
const words = document.getElementById("filter");
const keyed = form ? [...form.querySelectorAll("[data-key]")] : [];
const texts = articles.map((article) => article.textContent.toLowerCase());

const filter = () => {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const keys = keyed.filter((field) => field.value.trim() !== "").map((field) => [field.dataset.key, field.value.trim()]);
  let n = 0;
  articles.forEach((article, i) => {
    const fits = wanted.every((word) => texts[i].includes(word)) && keys.every(([key, value]) => article.dataset[key] === value);
    article.hidden = !fits;
    if (fits) n += 1;
  });
  shown.textContent = n === articles.length ? `${n} passages` : `${n} of ${articles.length} passages`;
};

if (form) {
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  for (const link of document.querySelectorAll("a[data-filter]")) {
    link.addEventListener("click", () => {
      form.reset();
      for (const [key, value] of link.dataset.filter.split("&").map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)])) {
        const field = keyed.find((one) => one.dataset.key === key);
        if (field) field.value = value;
      }
      setTimeout(filter);
    });
  }
}

// A link to something folded or filtered away opens it, and takes the focus there.
const reveal = () => {
  const target = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  if (!target) return;
  if (target.matches("article[hidden]")) {
    form.reset();
    setTimeout(filter);
    target.hidden = false;
  }
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView();
  if (target.tabIndex === -1 && target.hasAttribute("tabindex")) target.focus({ preventScroll: true });
};
addEventListener("hashchange", reveal);
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#"]');
  if (link && link.hash === location.hash) setTimeout(reveal);
});
reveal();

// On paper, tables stand open.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details.data:not(.why):not(.group):not([open])")];
  for (const details of opened) details.open = true;
  articles.filter((article) => !article.hidden).forEach((article, i) => article.classList.toggle("screen", i >= 20));
});
addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});
