"use strict";
// Filters the passages by words in them; without scripts all of them are shown.
const box = document.getElementById("filter");
const count = document.getElementById("shown");
if (box) {
  const articles = [...document.querySelectorAll("article")];
  const apply = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const article of articles) {
      const text = article.textContent.toLowerCase();
      article.hidden = !words.every((word) => text.includes(word));
      if (!article.hidden) shown += 1;
    }
    count.textContent = `${shown} of ${articles.length} passages`;
  };
  box.addEventListener("input", apply);
  apply();
}
