// Charts in large, by uPlot: drag to zoom, double-click to see all, values under the pointer. What they show is read
// from the tables of numbers below the plain charts, so that both say the same.
"use strict";
(() => {
  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  dialog.setAttribute("aria-label", "Chart in large");
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  const place = document.createElement("div");
  dialog.append(place, close);
  document.body.append(dialog);
  let plot = null;
  dialog.addEventListener("close", () => {
    if (plot) plot.destroy();
    plot = null;
  });

  const colourOf = (node) => getComputedStyle(node).color;

  function series(figure) {
    const table = figure.querySelector("table");
    const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent));
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const number = (text) => (text === "-" || text === undefined ? null : Number(text));
    const data = [rows.map((row) => number(row[0]))];
    const lines = [{label: names[0]}];
    const bands = [];
    const styles = [...figure.querySelectorAll(".legend path")];
    names.slice(1).forEach((name, index) => {
      const parts = rows.map((row) => row[index + 1].match(/^(\S+)(?: \((\S+) to (\S+)\))?$/) || []);
      const stroke = colourOf(styles[index]);
      const style = getComputedStyle(styles[index]).strokeDasharray;
      const dash = style === "none" ? [] : style.split(/[ ,]+/).map(parseFloat);
      data.push(parts.map((part) => number(part[1])), parts.map((part) => number(part[3])), parts.map((part) => number(part[2])));
      const at = data.length;
      lines.push({label: name, stroke, width: 2, dash, points: {size: 6}});
      for (const edge of ["upper", "lower"]) lines.push({label: name + ", " + edge, stroke, width: 0.5, points: {show: false}});
      bands.push({series: [at - 2, at - 1], fill: stroke.replace("rgb(", "rgba(").replace(")", ", 0.12)")});
    });
    return {data, lines, bands};
  }

  function open(figure) {
    const {data, lines, bands} = series(figure);
    const ink = colourOf(document.body);
    const rule = getComputedStyle(document.documentElement).getPropertyValue("--rule");
    const axis = {stroke: ink, grid: {stroke: rule, width: 1}, ticks: {stroke: rule, width: 1}};
    dialog.showModal();
    plot = new uPlot({
      title: figure.querySelector("figcaption").textContent,
      width: Math.min(window.innerWidth * 0.88, 1200), height: Math.min(window.innerHeight * 0.62, 620),
      scales: {x: {time: false}}, axes: [axis, axis], series: lines, bands
    }, data, place);
    close.focus();
  }

  for (const figure of document.querySelectorAll("figure.chart")) {
    if (!figure.querySelector("table")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarged";
    button.textContent = "Enlarge";
    button.setAttribute("aria-label", "Enlarge the chart " + figure.querySelector("figcaption").textContent);
    button.addEventListener("click", () => open(figure));
    figure.append(button);
  }
})();
