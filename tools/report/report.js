// The path explorer: pick a policy and an episode, see what was shown step by step. Text from data is only ever set
// as text, never as HTML.
"use strict";
(() => {
  const place = document.getElementById("explorer");
  const source = document.getElementById("paths-data");
  if (!place || !source) return;
  const data = JSON.parse(source.textContent);
  const title = (item) => (item === 0 ? "(empty)" : data.titles[item]);

  function element(name, properties, ...children) {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  }
  function labelled(text, control, wide) {
    return element("div", {className: wide ? "wide" : ""}, element("label", {htmlFor: control.id, textContent: text}), control);
  }
  const number = (value, digits) => (value === null ? "-" : value.toFixed(digits));
  const answerOf = (bits) => (bits & 2 ? "bought" : bits & 1 ? "accepted" : "refused");

  const policy = element("select", {id: "pick-policy"});
  data.policies.forEach((name, index) => policy.append(new Option(name, index)));
  const other = element("select", {id: "pick-other"}, new Option("nobody", -1));
  data.policies.forEach((name, index) => other.append(new Option(name, index)));
  const search = element("input", {id: "pick-words", type: "search", placeholder: "person, target or any item of the path"});
  const episode = element("select", {id: "pick-episode", size: 6});
  const count = element("p", {className: "note"});
  count.setAttribute("aria-live", "polite");
  const output = element("div", {});
  output.setAttribute("aria-live", "polite");

  function episodeName(entry) {
    const name = "episode " + entry.id + ", person " + entry.person;
    return entry.target ? name + ", target: " + title(entry.target) : name;
  }
  // What a search looks through: names, and the titles on the paths of all policies.
  const words = data.episodes.map((entry) => {
    const items = entry.paths.flatMap((path) => path.steps.map((step) => title(step[1])));
    return [episodeName(entry), ...items].join("\n").toLowerCase();
  });

  function fillEpisodes() {
    const wanted = search.value.trim().toLowerCase();
    const chosen = episode.value;
    episode.replaceChildren();
    data.episodes.forEach((entry, index) => {
      if (words[index].includes(wanted)) episode.append(new Option(episodeName(entry), index));
    });
    const values = [...episode.options].map((option) => option.value);
    if (values.length) episode.value = values.includes(chosen) ? chosen : values[0];
    count.textContent = values.length + " of " + data.episodes.length + " episodes";
    show();
  }

  function pathTable(entry, index) {
    const path = entry.paths[index];
    const certain = path.steps.every((step) => step[3] === 1);
    const head = element("tr", {});
    const heading = (text, kind) => element("th", {scope: "col", textContent: text, className: kind || ""});
    head.append(heading("step"), heading("item", "words"), heading("answer"));
    if (!certain) head.append(heading("probability"));
    for (const judge of data.judges) head.append(heading("accepts, " + judge), heading("interest, " + judge), heading("rank, " + judge));
    const body = element("tbody", {});
    const addRow = (first, item, answer, kind, cells) => {
      const row = element("tr", {className: kind}, element("th", {scope: "row", textContent: first}),
        element("td", {className: "words", textContent: item}), element("td", {textContent: answer}));
      for (const cell of cells) row.append(element("td", {textContent: cell}));
      body.append(row);
    };
    if (data.judges.length) {
      const cells = certain ? [] : [""];
      path.start.forEach(([interest, rank]) => cells.push("", number(interest, 3), rank));
      addRow("0", "(before the first step)", "", "", cells);
    }
    for (const step of path.steps) {
      const cells = certain ? [] : [number(step[3], 3)];
      for (let k = 4; k + 2 < step.length; k += 3) cells.push(number(step[k], 3), number(step[k + 1], 3), step[k + 2]);
      const kind = (step[2] & 1 ? "" : "refused ") + (entry.target && step[1] === entry.target ? "target" : "");
      addRow(step[0], title(step[1]), answerOf(step[2]), kind.trim(), cells);
    }
    const caption = element("caption", {textContent: data.policies[index] + ": " + path.steps.length + " shown; " + path.end});
    if (!entry.target && path.return !== null) caption.textContent += "; return " + number(path.return, 2);
    const table = element("table", {}, caption, element("thead", {}, head), body);
    const region = element("div", {className: "scroll", tabIndex: 0}, table);
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", "Path of " + data.policies[index]);
    return region;
  }

  function show() {
    output.replaceChildren();
    if (episode.value === "") return;
    const entry = data.episodes[Number(episode.value)];
    const before = entry.history.map(title).join(" → ");
    output.append(element("h3", {textContent: episodeName(entry)}));
    output.append(element("p", {textContent: before ? "Took before, newest last: " + before : "Took nothing before."}));
    output.append(pathTable(entry, Number(policy.value)));
    if (other.value !== "-1" && other.value !== policy.value) output.append(pathTable(entry, Number(other.value)));
  }

  policy.addEventListener("change", show);
  other.addEventListener("change", show);
  episode.addEventListener("change", show);
  search.addEventListener("input", fillEpisodes);
  place.replaceChildren(
    element("div", {className: "controls"}, labelled("Policy", policy), labelled("Beside it", other), labelled("Search", search),
      labelled("Episode", episode, true)),
    count, output);
  fillEpisodes();
})();
