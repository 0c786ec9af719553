// The page reads without this; it only adds search, order and opening.
(function () {
  "use strict";
  var list = document.getElementById("list");
  function opened(node) {
    var details = node && node.querySelector("details");
    if (details) details.open = true;
  }
  // A link to a finding opens it.
  function follow() {
    if (/^#finding-\d+$/.test(location.hash)) opened(document.getElementById(location.hash.slice(1)));
  }
  addEventListener("hashchange", follow);
  follow();
  // Paper cannot be clicked on, so everything is open on it.
  var before = [];
  addEventListener("beforeprint", function () {
    before = Array.prototype.slice.call(document.querySelectorAll("details:not([open])"));
    before.forEach(function (details) { details.open = true; });
  });
  addEventListener("afterprint", function () {
    before.forEach(function (details) { details.open = false; });
  });
  if (!list) return;
  var items = Array.prototype.slice.call(list.children);
  var search = document.getElementById("search");
  var severity = document.getElementById("severity");
  var order = document.getElementById("order");
  var toggle = document.getElementById("toggle");
  var shown = document.getElementById("shown");
  function filter() {
    var words = search.value.toLowerCase().split(/\s+/);
    var n = 0;
    items.forEach(function (item) {
      var text = item.textContent.toLowerCase();
      var fits = words.every(function (word) { return text.indexOf(word) >= 0; });
      item.hidden = !fits || (severity.value !== "" && item.dataset.grade !== severity.value);
      if (!item.hidden) n += 1;
    });
    shown.textContent = n === items.length ? "" : n + " of " + items.length;
  }
  function sort() {
    items.sort(function (a, b) {
      var rank = Number(a.dataset.rank) - Number(b.dataset.rank);
      if (order.value === "rank") return rank;
      return a.dataset.name.localeCompare(b.dataset.name, undefined, { numeric: true }) || rank;
    });
    items.forEach(function (item) { list.appendChild(item); });
  }
  function label() {
    toggle.textContent = list.querySelector("details:not([open])") ? "Open all" : "Close all";
  }
  search.addEventListener("input", filter);
  severity.addEventListener("change", filter);
  order.addEventListener("change", sort);
  toggle.addEventListener("click", function () {
    var open = toggle.textContent === "Open all";
    list.querySelectorAll("details").forEach(function (details) { details.open = open; });
    label();
  });
  list.addEventListener("toggle", label, true);
  label();
  document.getElementById("tools").hidden = false;
})();
