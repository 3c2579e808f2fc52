// Draws the figures and makes lists a little quicker to use. Every page works without it.
"use strict";

(() => {
  const style = () => getComputedStyle(document.documentElement);

  // Figures name the style sheet's variables; plotly wants what they stand for in this light or dark.
  const resolved = (value, variables) => {
    if (typeof value === "string") {
      return value.replace(/var\((--[\w-]+)\)/g, (_, name) => variables.getPropertyValue(name).trim());
    }
    if (Array.isArray(value)) return value.map((one) => resolved(one, variables));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolved(one, variables)]));
    }
    return value;
  };

  const draw = (area) => {
    const data = document.querySelector(`script[data-plot-of="${area.dataset.plot}"]`);
    if (!data || !window.Plotly) return;
    const figure = resolved(JSON.parse(data.textContent), style());
    const isNarrow = area.clientWidth < 480;
    if (isNarrow && figure.layout.font) figure.layout.font.size = 11;
    const config = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };
    window.Plotly.react(area, figure.data, figure.layout, config).then(() => {
      area.dataset.drawn = "yes";
    });
  };

  const areas = [...document.querySelectorAll("[data-plot]")];
  const drawAll = () => areas.forEach(draw);
  if (areas.length) {
    drawAll();
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
    // What is folded away on the screen belongs on paper.
    window.addEventListener("beforeprint", () => {
      document.querySelectorAll("details.as-table").forEach((details) => { details.open = true; });
    });
  }

  // A choice in a list's filters is applied at once; without this file the button does it.
  document.querySelectorAll("form[data-apply-at-once] select").forEach((select) => {
    select.addEventListener("change", () => select.form.requestSubmit());
  });

  // Empty fields stay out of the address.
  document.querySelectorAll('form[method="get"]').forEach((form) => {
    form.addEventListener("submit", () => {
      form.querySelectorAll("input[name], select[name]").forEach((field) => {
        if (!field.value) field.disabled = true;
      });
      // coming back by the browser's button finds the fields usable again
      window.addEventListener("pageshow", () => {
        form.querySelectorAll(":disabled").forEach((field) => { field.disabled = false; });
      }, { once: true });
    });
  });
})();
