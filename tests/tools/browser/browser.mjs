// A headless Chromium spoken to over pipes with the DevTools protocol: a line of JSON ends with a zero byte.
// Needs nothing but Node and Chromium. One page per browser; an answer that takes too long is an error.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Browser {
  static async open(seconds = 60) {
    const browser = new Browser(seconds);
    const { targetInfos } = await browser.send("Target.getTargets");
    const page = targetInfos.find((target) => target.type === "page");
    const targetId = page ? page.targetId : (await browser.send("Target.createTarget", { url: "about:blank" })).targetId;
    const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
    browser.session = sessionId;
    for (const domain of ["Page", "Runtime", "Log"]) await browser.send(domain + ".enable");
    return browser;
  }

  constructor(seconds) {
    this.seconds = seconds;
    this.profile = mkdtempSync(join(tmpdir(), "veer-page-"));
    this.process = spawn("chromium", ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
      "--user-data-dir=" + this.profile, "--remote-debugging-pipe", "about:blank"],
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], env: { ...process.env, HOME: this.profile } });
    this.process.on("exit", (code) => this.fail(new Error("chromium ended with code " + code)));
    this.process.on("error", (error) => this.fail(error));
    this.asked = new Map();
    this.waiting = [];
    this.complaints = [];  // what the page printed, threw or was refused
    this.next = 1;
    let chunks = [];
    this.process.stdio[4].on("data", (chunk) => {
      let begin = 0;
      for (let end = chunk.indexOf(0); end !== -1; end = chunk.indexOf(0, begin)) {
        chunks.push(chunk.subarray(begin, end));
        this.receive(JSON.parse(Buffer.concat(chunks).toString("utf8")));
        chunks = [];
        begin = end + 1;
      }
      chunks.push(chunk.subarray(begin));
    });
  }

  fail(error) {
    for (const { reject } of this.asked.values()) reject(error);
    this.asked.clear();
  }

  receive(message) {
    if (message.id) {
      const { resolve, reject } = this.asked.get(message.id) || {};
      this.asked.delete(message.id);
      if (message.error) reject?.(new Error(message.error.message));
      else resolve?.(message.result);
      return;
    }
    const { method, params } = message;
    if (method === "Runtime.consoleAPICalled") this.complaints.push(params.args.map((each) => each.value ?? each.description).join(" "));
    if (method === "Runtime.exceptionThrown") this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Log.entryAdded") this.complaints.push(params.entry.text);
    this.waiting = this.waiting.filter((each) => each.method !== method || (each.resolve(params), false));
  }

  within(promise, what) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(what + " took more than " + this.seconds + " s")), this.seconds * 1000);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }

  send(method, params = {}) {
    const id = this.next++;
    const answer = new Promise((resolve, reject) => this.asked.set(id, { resolve, reject }));
    this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId: this.session }) + "\0");
    return this.within(answer, method);
  }

  event(method) {
    return this.within(new Promise((resolve) => this.waiting.push({ method, resolve })), method);
  }

  /// Loads a file and waits for its load event.
  async show(path) {
    const loaded = this.event("Page.loadEventFired");
    await this.send("Page.navigate", { url: "file://" + path });
    await loaded;
  }

  /// The value of an expression in the page, promises awaited. Not subject to the page's Content-Security-Policy.
  async value(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  scheme(dark) {
    return this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
  }

  async close() {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGKILL");
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
