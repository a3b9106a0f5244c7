"use strict";

const $ = (id) => document.getElementById(id);
const state = { task: null, name: "", screen: null, current: 0, values: {}, shownAt: 0, busy: true };

async function call(path, body) {
  const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, options).catch(() => null);
  if (!response) throw new Error("The server is not responding. Your answers so far are saved; try again in a moment.");
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || "The server could not use this answer.");
  return answer;
}

async function attempt(action) {
  state.busy = true;
  $("error").hidden = true;
  try {
    await action();
  } catch (error) {
    $("error").textContent = error.message;
    $("error").hidden = false;
  }
  state.busy = false;
}

function element(tag, properties = {}, ...children) {
  const created = Object.assign(document.createElement(tag), properties);
  created.append(...children);
  return created;
}

/* Resolves once the sticker can be drawn, so that all of a screen appear at once. */
async function sticker(url) {
  if (/\.(mp4|webm)$/.test(url)) {
    const video = element("video", { muted: true, loop: true, autoplay: true, playsInline: true, src: url });
    await new Promise((ready, failed) => { video.oncanplay = ready; video.onerror = () => failed(new Error("A sticker cannot be shown.")); });
    return video;
  }
  const image = element("img", { src: url, alt: "sticker", draggable: false });
  await image.decode().catch(() => { throw new Error("A sticker cannot be shown."); });
  return image;
}

function reveal(section) {
  for (const id of ["welcome", "trial", "done"]) $(id).hidden = id !== section;
}

async function show({ name, screen }) {
  const stickers = screen ? await Promise.all(screen.stickers.map(sticker)) : [];
  Object.assign(state, { name, screen, current: 0, values: {}, shownAt: performance.now() });
  localStorage.setItem("name", name);
  $("progress").hidden = !screen;
  if (!screen) {
    $("count").textContent = "";
    document.body.dataset.trial = "done";
    return reveal("done");
  }
  $("progress").value = screen.number / screen.num_trials;
  $("count").textContent = `${screen.number + 1} / ${screen.num_trials}`;
  $("text").textContent = screen.text;
  $("choose").hidden = screen.kind !== "choose";
  $("rate").hidden = screen.kind !== "rate";
  screen.kind === "choose" ? layChoice(stickers) : layRating(stickers[0]);
  $("keys").textContent = screen.kind === "choose"
    ? `Keys 1 to ${stickers.length} choose` : `Keys 1 (poor) to ${state.task.max_rating} (excellent) rate`;
  reveal("trial");
  mark();
  document.body.dataset.trial = screen.number;
  for (const url of screen.upcoming) if (!/\.(mp4|webm)$/.test(url)) new Image().src = url;
}

const questions = () => state.task.questions[state.screen.kind];
const largest = () => (state.screen.kind === "choose" ? state.screen.stickers.length : state.task.max_rating);
const complete = () => questions().every(({ name }) => name in state.values);

function layChoice(stickers) {
  $("questions").replaceChildren(...questions().map((question, index) => element(
    "li", { onclick: () => { state.current = index; mark(); } },
    element("b", { textContent: question.text }), element("small", { textContent: question.hint }))));
  $("cards").replaceChildren(...stickers.map((media, index) => element(
    "button", { type: "button", className: "card", onclick: () => choose(index + 1) },
    media, element("span", { className: "badge" }, element("kbd", { textContent: index + 1 }), element("em")))));
}

function layRating(media) {
  $("single").replaceChildren(media);
  $("aspects").replaceChildren(...questions().map((aspect, index) => {
    const scale = element("div", { className: "scale", role: "radiogroup", ariaLabel: aspect.text });
    for (let value = 1; value <= state.task.max_rating; value++) {
      const pick = () => { state.current = index; choose(value); };
      scale.append(element("button", { type: "button", role: "radio", textContent: value, onclick: pick }));
    }
    return element("div", { className: "aspect" }, element(
      "div", {}, element("b", { textContent: aspect.text }), element("small", { textContent: aspect.hint })), scale);
  }));
}

function choose(value) {
  if (state.busy || value > largest()) return;
  state.values[questions()[state.current].name] = value;
  if (state.current + 1 < questions().length) state.current += 1;
  mark();
}

/* Draws the answers given so far; the DOM holds nothing that `state` does not. */
function mark() {
  const rows = state.screen.kind === "choose" ? $("questions").children : $("aspects").children;
  [...rows].forEach((row, index) => row.toggleAttribute("aria-current", index === state.current));
  $("next").disabled = !complete();
  $("back").disabled = !Object.keys(state.values).length;
  if (state.screen.kind === "rate") {
    [...rows].forEach((row, index) => row.querySelectorAll(".scale button").forEach((button, place) =>
      button.setAttribute("aria-checked", state.values[questions()[index].name] === place + 1)));
    return;
  }
  [...$("cards").children].forEach((card, place) => {
    const named = questions().filter(({ name }) => state.values[name] === place + 1).map(({ name }) => name);
    card.setAttribute("aria-pressed", named.length > 0);
    card.querySelector("em").textContent = named.join(" · ");
  });
}

function back() {
  if (state.busy) return;
  const all = questions();
  if (!(all[state.current].name in state.values) && state.current) state.current -= 1;
  delete state.values[all[state.current].name];
  mark();
}

function submit() {
  if (state.busy || !complete()) return;
  const duration = Math.round(performance.now() - state.shownAt);
  attempt(async () => show(await call("/api/answer", {
    name: state.name, number: state.screen.number, values: state.values, duration_ms: duration })));
}

document.addEventListener("keydown", (event) => {
  if ($("trial").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (/^[1-9]$/.test(event.key)) choose(Number(event.key));
  else if (event.key === "Enter") submit();
  else if (event.key === "Backspace") back();
  else return;
  event.preventDefault();
});
$("next").onclick = submit;
$("back").onclick = back;
$("welcome").onsubmit = (event) => {
  event.preventDefault();
  attempt(async () => show(await call("/api/join", { name: $("name").value })));
};

attempt(async () => {
  state.task = await call("/api/task");
  document.title = $("title").textContent = state.task.title;
  $("name").value = localStorage.getItem("name") || "";
  reveal("welcome");
  $("name").focus();
});
