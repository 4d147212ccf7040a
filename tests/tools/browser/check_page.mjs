// What a report page is in a browser.
//   node check_page.mjs accessible AXE_JS PAGE...    axe-core finds nothing, light and dark; the page complains of nothing
//   node check_page.mjs loads PAGE SECONDS           the path explorer can be used within so many seconds
// Exit code 1 where that does not hold.
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { Browser } from "./browser.mjs";

let wrong = 0;
function fail(text) {
  console.log(text);
  ++wrong;
}

/// Everything that can be unfolded, picked and found, so that axe sees it, too: it passes over what is hidden.
const unfold = `(() => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  const other = document.getElementById("pick-other");
  if (other && other.options.length > 1) {
    other.selectedIndex = other.options.length - 1;
    other.dispatchEvent(new Event("change"));
  }
})()`;
/// The same for the dialog in which a chart is enlarged, where the page has one.
const enlarge = `(() => {
  const button = document.querySelector("figure.chart button.enlarged");
  if (button) button.click();
  return button !== null;
})()`;

/// What the explorer says it found, and how many milliseconds that took.
async function search(browser, words) {
  await browser.value(`(() => {
    const input = document.getElementById("pick-words");
    input.value = ${JSON.stringify(words)};
    window.began = performance.now();
    input.dispatchEvent(new Event("input"));
  })()`);
  return browser.value(`new Promise((resolve) => {
    const look = () => {
      const text = document.querySelector("#explorer [role=status]").textContent;
      if (text.includes("still looking")) setTimeout(look, 5);
      else resolve({text, milliseconds: performance.now() - window.began});
    };
    look();
  })`);
}

/// The title that the last path begins with, and how many episodes a search for it must find: those with such a title on
/// a path of any policy, or in their name.
const expected = `(() => {
  const data = JSON.parse(document.getElementById("paths-data").textContent);
  const blocks = [...document.getElementsByClassName("paths-block")].map((each) => JSON.parse(each.textContent));
  const words = data.titles[blocks.at(-1).policies[0].items.at(-1)];
  const wanted = words.toLowerCase();
  const has = (item) => item !== 0 && data.titles[item].toLowerCase().includes(wanted);
  const found = data.episodes.id.map((_, index) => has(data.episodes.target[index]));
  blocks.forEach(({policies}, number) => policies.forEach((policy) => {
    let cell = 0;
    policy.length.forEach((steps, place) => {
      for (const end = cell + steps * data.slots; cell < end; ++cell) if (has(policy.items[cell])) found[number * data.block + place] = true;
    });
  }));
  return {words, count: found.filter(Boolean).length, all: found.length};
})()`;

async function searches(browser, where) {
  const { words, count, all } = await browser.value(expected);
  const begins = (number) => number.toLocaleString("en") + " of " + all.toLocaleString("en") + " episodes";
  const title = await search(browser, words);
  if (!title.text.startsWith(begins(count))) fail(where + ": a search for '" + words + "' says '" + title.text + "', expected " + begins(count));
  const nobody = await search(browser, "\u0001");
  if (!nobody.text.startsWith(begins(0))) fail(where + ": a search for nothing says '" + nobody.text + "'");
  const everybody = await search(browser, "");
  if (!everybody.text.startsWith(begins(all))) fail(where + ": no search says '" + everybody.text + "'");
  return title.milliseconds;
}

function tell(where, violations) {
  for (const { id, impact, help, nodes } of violations) {
    fail(where + ": " + id + " (" + impact + "): " + help);
    for (const node of nodes.slice(0, 5)) {
      console.log("  " + node.target.join(" ") + "\n    " + (node.failureSummary || "").replaceAll("\n", "\n    "));
    }
    if (nodes.length > 5) console.log("  and " + (nodes.length - 5) + " more");
  }
}

async function accessible([axe, ...pages]) {
  const library = readFileSync(axe, "utf8");
  const browser = await Browser.open();
  try {
    for (const page of pages) {
      for (const dark of [false, true]) {
        const where = basename(page) + (dark ? ", dark" : ", light");
        await browser.scheme(dark);
        await browser.show(resolve(page));
        await browser.value(unfold);
        await browser.value(library + "; 0");
        const run = () => browser.value("axe.run(document, {resultTypes: ['violations']}).then((found) => ({violations: found.violations, rules: found.passes.length}))");
        const { violations, rules } = await run();
        tell(where, violations);
        if (rules < 20) fail(where + ": only " + rules + " rules had anything to look at");
        if (await browser.value(enlarge)) tell(where + ", enlarged", (await run()).violations);
        await browser.show(resolve(page));
        await searches(browser, where);
        console.log(where + ": " + rules + " rules, " + violations.length + " violations");
      }
    }
    for (const complaint of browser.complaints) fail("the page said: " + complaint);
  } finally {
    await browser.close();
  }
}

async function loads([page, seconds]) {
  const times = [];
  for (let run = 0; run < 3; ++run) {  // a browser each: nothing is cached
    const browser = await Browser.open(120);
    try {
      await browser.show(resolve(page));
      const mark = "performance.getEntriesByName('explorer-usable').map((each) => each.startTime)[0] ?? null";
      const usable = await browser.value(mark);
      if (usable === null) return fail("the path explorer never became usable");
      times.push(usable / 1000);
      if (run === 0) console.log("a search through all paths: " + ((await searches(browser, page)) / 1000).toFixed(2) + " s");
    } finally {
      await browser.close();
    }
  }
  times.sort((a, b) => a - b);
  console.log(basename(page) + ": " + (readFileSync(page).length / 1e6).toFixed(1) + " MB, explorer usable after " +
    times.map((each) => each.toFixed(2)).join(", ") + " s");
  if (!(times[1] <= Number(seconds))) fail("expected at most " + seconds + " s");
}

const [command, ...rest] = process.argv.slice(2);
await { accessible, loads }[command](rest);
process.exitCode = wrong > 0 ? 1 : 0;
