"use strict";
(function () {
  const data = JSON.parse(document.getElementById("cases").textContent);
  const list = document.getElementById("list"), view = document.getElementById("case");
  const filters = document.getElementById("filters");
  if (!list || !data.cases.length) return;
  let reason = null, chosen = 0, output = null;

  function make(tag, words, name) {
    const one = document.createElement(tag);
    if (words !== undefined) one.textContent = words;
    if (name) one.className = name;
    return one;
  }
  function digits(value) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e6 || size < 1e-3)) return value.toExponential(1);
    return String(Number(value.toPrecision(3)));
  }
  function signed(value) { return (value > 0 ? "+" : value < 0 ? "−" : "") + digits(Math.abs(value)); }
  function button(words, pressed, act) {
    const one = make("button", words);
    one.type = "button";
    one.setAttribute("aria-pressed", pressed);
    one.addEventListener("click", act);
    return one;
  }
  function bar(value, most) {
    const line = make("span", "", "div"), fill = make("i", "", value >= 0 ? "up" : "down");
    const half = Math.min(50, 50 * Math.abs(value) / most);
    fill.style.width = half + "%";
    fill.style.left = (value >= 0 ? 50 : 50 - half) + "%";
    line.append(fill);
    return line;
  }
  function sentence(one) {
    const told = make("p", "", "said");
    told.append(make("b", "Row " + one.row), " – the model says ", make("b", one.prediction));
    if (data.outputs.length && data.task === "classification") {
      const shown = one.answer[output];
      told.append(" (" + data.outputs[output] + ": " + (100 * shown).toFixed(1) + " %)");
    } else if (data.task === "anomaly") {
      told.append(" (strangeness " + digits(one.answer[0]) + ")");
    }
    if (one.label !== null) told.append(", truly ", make("b", one.label));
    told.append(".");
    return told;
  }
  function moves(one) {
    const box = make("div"), shap = one.shap[output], lime = one.lime && one.lime[output];
    const order = shap.map((_, i) => i).sort((a, b) => Math.abs(shap[b]) - Math.abs(shap[a]));
    const sizes = shap.concat(lime || []).map(Math.abs);
    const most = Math.max(...sizes, 1e-12);
    const kept = order.slice(0, 14);
    kept.forEach(function (i) {
      const line = make("div", "", "move"), what = make("div", data.columns[i], "what");
      what.append(make("small", one.values[i]));
      const pair = make("div", "", "pair");
      pair.append(bar(shap[i], most));
      if (lime) pair.append(bar(lime[i], most));
      const number = make("div", signed(shap[i]), "num");
      if (lime) number.append(make("small", "\u00a0")), number.title = "LIME " + signed(lime[i]);
      line.append(what, pair, number);
      box.append(line);
    });
    if (order.length > kept.length) {
      const rest = order.slice(14).reduce((sum, i) => sum + shap[i], 0);
      box.append(make("p", (order.length - 14) + " more columns together: " + signed(rest), "soft"));
    }
    return box;
  }
  function show() {
    const one = data.cases[chosen];
    if (output === null || output >= one.shap.length) output = one.output;
    view.replaceChildren(sentence(one));
    const total = one.shap[output].reduce((sum, value) => sum + value, data.base[output]);
    view.append(make("p", "In " + data.unit + ": " + digits(data.base[output]) + " on average, " +
      signed(total - data.base[output]) + " for this row, " + digits(total) + " in all.", "soft"));
    if (one.shap.length > 1) {
      const bar = make("div", "", "filters");
      data.outputs.forEach(function (name, i) {
        bar.append(button(name, i === output, function () { output = i; show(); }));
      });
      view.append(bar);
    }
    view.append(moves(one));
    if (one.nearest.length) {
      view.append(make("p", "Most similar rows: " + one.nearest.map(function (pair) {
        return pair[0] + " (" + pair[1] + ")";
      }).join(", ") + ".", "soft"));
    }
  }
  function fill() {
    list.replaceChildren();
    data.cases.forEach(function (one, i) {
      if (reason && !one.reasons.includes(reason)) return;
      const line = button("", i === chosen, function () { chosen = i; output = null; fill(); show(); });
      line.append(make("span", "Row " + one.row), make("span", one.prediction, "num"));
      const told = one.label === null ? one.reasons.join(", ")
        : "truly " + one.label + " · " + one.reasons.join(", ");
      line.append(make("small", told));
      list.append(line);
    });
  }
  const reasons = [...new Set(data.cases.flatMap(function (one) { return one.reasons; }))];
  function offer() {
    filters.replaceChildren();
    [null].concat(reasons).forEach(function (name) {
      filters.append(button(name || "all", reason === name, function () {
        reason = name;
        chosen = data.cases.findIndex(function (one) { return !name || one.reasons.includes(name); });
        output = null;
        offer(); fill(); show();
      }));
    });
  }
  offer(); fill(); show();
})();
