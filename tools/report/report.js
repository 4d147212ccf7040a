// The path explorer: pick a policy and an episode, see what was shown step by step. Text from data is only ever set
// as text, never as HTML. A page may hold a hundred thousand paths: they stand in blocks that are parsed when
// somebody looks at one, and the list of episodes shows a part of itself.
"use strict";
(() => {
  const place = document.getElementById("explorer");
  const source = document.getElementById("paths-data");
  if (!place || !source) return;
  const data = JSON.parse(source.textContent);
  const blocks = document.getElementsByClassName("paths-block");
  const listed = 200;
  const title = (item) => (item === 0 ? "(empty)" : data.titles[item]);

  function element(name, properties, ...children) {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  }
  function labelled(text, control, wide) {
    return element("div", {className: wide ? "wide" : ""}, element("label", {htmlFor: control.id, textContent: text}), control);
  }
  const number = (value, digits) => (value === null || value === undefined ? "-" : value.toFixed(digits));
  const scaled = (value) => (value === null ? "-" : (value / 1e4).toFixed(3));
  const answerOf = (bits) => (bits & 2 ? "bought" : bits & 1 ? "accepted" : "refused");
  const grouped = (count) => count.toLocaleString("en");

  // A block and, per policy, where the cells of its episodes begin. The newest one is kept.
  let newest = {number: -1};
  function block(number) {
    if (newest.number === number) return newest;
    const parsed = JSON.parse(blocks[number].textContent);
    for (const policy of parsed.policies) {
      let first = 0;
      policy.first = policy.length.map((steps) => (first += steps * data.slots) - steps * data.slots);
    }
    newest = {number, ...parsed};
    return newest;
  }

  const policy = element("select", {id: "pick-policy"});
  data.policies.forEach((name, index) => policy.append(new Option(name, index)));
  const other = element("select", {id: "pick-other"}, new Option("nobody", -1));
  data.policies.forEach((name, index) => other.append(new Option(name, index)));
  const search = element("input", {id: "pick-words", type: "search", placeholder: "person, target or any item of the path"});
  const episode = element("select", {id: "pick-episode", size: 6});
  const earlier = element("button", {type: "button", textContent: "Earlier episodes"});
  const later = element("button", {type: "button", textContent: "Later episodes"});
  const pages = element("div", {className: "pages wide"}, earlier, later);
  const count = element("p", {className: "note"});
  count.setAttribute("role", "status");
  const output = element("div", {});
  output.setAttribute("aria-live", "polite");

  const episodes = data.episodes.id.length;
  function episodeName(index) {
    const name = "episode " + data.episodes.id[index] + ", person " + data.episodes.person[index];
    const target = data.episodes.target[index];
    return target ? name + ", target: " + title(target) : name;
  }

  // What the search found: places of episodes, or null for all of them. A search looks through names and the titles on
  // the paths of all policies, a few blocks at a time, so that typing stays smooth.
  let found = null, looking = false, start = 0, searches = 0, inList = 0;
  const matches = () => (found === null ? episodes : found.length);
  const match = (place) => (found === null ? place : found[place]);

  function list() {
    const chosen = episode.value;
    const end = Math.min(start + listed, matches());
    inList = end - start;
    const options = [];
    for (let place = start; place < end; ++place) options.push(new Option(episodeName(match(place)), match(place)));
    episode.replaceChildren(...options);
    if (options.length) episode.value = options.some((option) => option.value === chosen) ? chosen : options[0].value;
    pages.hidden = matches() <= listed;
    earlier.disabled = start === 0;
    later.disabled = end === matches();
    count.textContent = grouped(matches()) + " of " + grouped(episodes) + " episodes" +
      (matches() > listed ? ", listed " + grouped(start + 1) + " to " + grouped(end) : "") + (looking ? ", still looking" : "");
    if (episode.value !== chosen || !output.hasChildNodes()) show();
  }

  // Per block and policy the items shown, for searches; filled by the first one.
  const shown = [];
  function lookInto(blockNumber, wanted, wantedItems) {
    if (!shown[blockNumber]) {
      const parsed = block(blockNumber);
      shown[blockNumber] = parsed.policies.map((each) => ({first: Uint32Array.from(each.first), items: Uint32Array.from(each.items)}));
    }
    const from = blockNumber * data.block, until = Math.min(from + data.block, episodes);
    for (let index = from; index < until; ++index) {
      const has = shown[blockNumber].some(({first, items}) => {
        const end = index + 1 < until ? first[index - from + 1] : items.length;
        for (let cell = first[index - from]; cell < end; ++cell) if (wantedItems[items[cell]]) return true;
        return false;
      });
      if (has || episodeName(index).toLowerCase().includes(wanted)) found.push(index);
    }
  }
  function look() {
    const wanted = search.value.trim().toLowerCase();
    const mine = ++searches;
    start = inList = 0;
    looking = wanted !== "";
    found = looking ? [] : null;
    if (!looking) return list();
    const wantedItems = [];
    for (const item of [0, ...Object.keys(data.titles)]) wantedItems[item] = title(Number(item)).toLowerCase().includes(wanted);
    let next = 0;
    const go = () => {
      if (mine !== searches) return;
      const until = performance.now() + 30;
      while (next < blocks.length && performance.now() < until) lookInto(next++, wanted, wantedItems);
      looking = next < blocks.length;
      if (!looking || inList < listed) list();
      if (looking) setTimeout(go, 0);
    };
    go();
  }

  function pathTable(index, policyIndex) {
    const within = block(Math.floor(index / data.block));
    const path = within.policies[policyIndex], place = index % data.block;
    const first = path.first[place], cells = path.length[place] * data.slots;
    const target = data.episodes.target[index];
    let certain = true;
    for (let cell = first; path.probability && cell < first + cells; ++cell) certain = certain && path.probability[cell] === 10000;
    const head = element("tr", {});
    const heading = (text, kind) => element("th", {scope: "col", textContent: text, className: kind || ""});
    head.append(heading("step"), heading("item", "words"), heading("answer"));
    if (!certain) head.append(heading("probability"));
    for (const judge of data.judges) head.append(heading("accepts, " + judge), heading("interest, " + judge), heading("rank, " + judge));
    const body = element("tbody", {});
    const addRow = (name, item, answer, kind, values) => {
      const row = element("tr", {className: kind}, element("th", {scope: "row", textContent: name}),
        element("td", {className: "words", textContent: item}), element("td", {textContent: answer}));
      for (const value of values) row.append(element("td", {textContent: value}));
      body.append(row);
    };
    if (data.judges.length) {
      const values = certain ? [] : [""];
      for (const judge of path.judges) values.push("", scaled(judge.start_interest[place]), judge.start_rank[place]);
      addRow("0", "(before the first step)", "", "", values);
    }
    for (let cell = first; cell < first + cells; ++cell) {
      const step = Math.floor(cell / data.slots), item = path.items[cell];
      const values = certain ? [] : [scaled(path.probability[cell])];
      for (const judge of path.judges) values.push(scaled(judge.acceptance[step]), scaled(judge.interest[step]), judge.rank[step]);
      const kind = (path.answers[cell] & 1 ? "" : "refused ") + (target && item === target ? "target" : "");
      addRow(Math.floor((cell - first) / data.slots) + 1, title(item), answerOf(path.answers[cell]), kind.trim(), values);
    }
    const caption = element("caption", {textContent: data.policies[policyIndex] + ": " + cells + " shown; " + data.ends[path.end[place]]});
    if (!target && path.return[place] !== null) caption.textContent += "; return " + number(path.return[place], 2);
    const table = element("table", {}, caption, element("thead", {}, head), body);
    const region = element("div", {className: "scroll", tabIndex: 0}, table);
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", "Path of " + data.policies[policyIndex]);
    return region;
  }

  function show() {
    output.replaceChildren();
    if (episode.value === "") return;
    const index = Number(episode.value);
    const history = block(Math.floor(index / data.block)).history[index % data.block];
    const before = history.map(title).join(" → ");
    output.append(element("h3", {textContent: episodeName(index)}));
    output.append(element("p", {textContent: before ? "Took before, newest last: " + before : "Took nothing before."}));
    output.append(pathTable(index, Number(policy.value)));
    if (other.value !== "-1" && other.value !== policy.value) output.append(pathTable(index, Number(other.value)));
  }
  function turn(by) {
    start = Math.max(0, start + by);
    list();
  }

  policy.addEventListener("change", show);
  other.addEventListener("change", show);
  episode.addEventListener("change", show);
  search.addEventListener("input", look);
  earlier.addEventListener("click", () => turn(-listed));
  later.addEventListener("click", () => turn(listed));
  place.replaceChildren(
    element("div", {className: "controls"}, labelled("Policy", policy), labelled("Beside it", other), labelled("Search", search),
      labelled("Episode", episode, true), pages),
    count, output);
  list();
  performance.mark("explorer-usable");
})();
