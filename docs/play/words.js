// The page's words, in English and Chinese; data-t="key" in the page is filled with them.

const ALL = {
  en: {
    tag: "Neural style transfer, in this browser",
    tools: "Page",
    theme: "Light or dark",
    picture: "The picture",
    panel: "What to paint",
    compare: "How much of the photograph is seen",
    drop: "Drop a photograph, or choose one",
    stays: "It stays in this browser: nothing is sent anywhere.",
    style: "Style",
    own: "A painting of your own…",
    strength: "Strength",
    least: "the photograph",
    most: "the style alone",
    size: "Size, in pixels",
    preview: "One pass of a small network: a preview. The program itself, with pip, paints better, larger, and by regions.",
    save: "Save as PNG",
    loading: "Getting the network…",
    painting: "Painting…",
    done: "{width} × {height} · {seconds} s",
    sample: "{width} × {height} · {seconds} s · the cat is Chelsea, by Stéfan van der Walt (CC0)",
    unreadable: "This browser cannot read {name} as a picture.",
    small: "A side of {name} would be below 16 pixels; choose a larger picture.",
    failed: "That failed: {reason}",
  },
  zh: {
    tag: "神经风格迁移，就在这个浏览器里",
    tools: "页面",
    theme: "浅色或深色",
    picture: "图像",
    panel: "画什么",
    compare: "照片露出多少",
    drop: "拖入照片，或点选一张",
    stays: "照片只留在这个浏览器里，不会发送到任何地方。",
    style: "风格",
    own: "自己的画…",
    strength: "强度",
    least: "照片本身",
    most: "只有风格",
    size: "尺寸（像素）",
    preview: "小网络一次画成，只是预览。用 pip 安装的程序画得更好、更大，还能分区域。",
    save: "保存为 PNG",
    loading: "正在取网络…",
    painting: "正在画…",
    done: "{width} × {height} · {seconds} 秒",
    sample: "{width} × {height} · {seconds} 秒 · 这只猫叫 Chelsea，Stéfan van der Walt 摄（CC0）",
    unreadable: "这个浏览器读不了图像 {name}。",
    small: "{name} 有一边会不到 16 像素，请选大一些的图。",
    failed: "失败了：{reason}",
    swatch_brushstrokes: "厚涂笔触",
    swatch_pointillism: "点彩",
    "swatch_stained-glass": "彩绘玻璃",
    swatch_mosaic: "马赛克",
    swatch_marbling: "大理石纹",
    swatch_woodcut: "木刻",
    "swatch_ink-wash": "水墨",
    swatch_watercolor: "水彩",
    swatch_seigaiha: "青海波",
    swatch_pastel: "粉彩",
    swatch_embroidery: "刺绣",
    swatch_batik: "蜡染",
    swatch_cubism: "立体主义",
    swatch_halftone: "网点漫画",
    swatch_engraving: "铜版画",
    "swatch_gold-leaf": "金箔",
  },
};

export let language = navigator.language.startsWith("zh") ? "zh" : "en";

/** t(KEY, {name: value}): the words of a key, with {name} replaced. */
export function t(key, values = {}) {
  return (ALL[language][key] ?? ALL.en[key]).replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export const swatchName = (name) => ALL[language][`swatch_${name}`] ?? name.replace("-", " ");

export function turn(to = language === "en" ? "zh" : "en") {
  language = to;
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  for (const each of document.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t);
  for (const each of document.querySelectorAll("[data-t-label]")) each.setAttribute("aria-label", t(each.dataset.tLabel));
  for (const each of document.querySelectorAll("[data-t-title]")) {
    each.title = t(each.dataset.tTitle);
    each.setAttribute("aria-label", each.title);
  }
}
