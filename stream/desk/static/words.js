// The page's words in English and Chinese. Sentences that carry numbers are functions, so that each language has its own order.

const number = (value, digits = 0) => Number(value).toFixed(digits);
const percent = (share) => `${Math.round(share * 100)}%`;
// An interval that no line break tears apart.
const between = (low, high) => `${low}\u2060–\u2060${high}`;
function signed(value, digits = 2) {
  const size = Math.abs(value).toFixed(digits);
  return Number(size) === 0 ? size : `${value > 0 ? "+" : "−"}${size}`;
}

function span(minutes, hour, minute) {
  return minutes % 60 === 0 ? `${minutes / 60} ${hour}` : `${minutes} ${minute}`;
}

export const WORDS = {
  en: {
    skip: "Skip to the trend",
    market: "Market mood",
    movers: "Companies",
    moversHint: "Most surprising first",
    alerts: "Alerts",
    allPosts: "All companies",
    negatives: "Negative voices per 15 minutes",
    share: "Negative share, last hour",
    usual: "usual",
    expected: "expected",
    band: "80% band",
    above: "above the band",
    postsAbout: (name) => `Latest opinions · ${name}`,
    latest: "Latest opinions",
    hours: (h) => (h < 48 ? `${h} h` : `${h / 24} days`),
    live: "Live",
    connecting: "Connecting…",
    lost: "Connection lost, trying again…",
    trouble: (reason) => `Not up to date: ${reason}`,
    streamTime: "Stream time",
    states: {
      too_few: "Too few posts to say",
      much_gloomier: "Gloomier than at any time in recent days",
      gloomier: "Gloomier than usual",
      usual: "As usual",
      brighter: "Brighter than usual",
      much_brighter: "Brighter than at any time in recent days",
    },
    marketNumbers: (m) =>
      m.score === null
        ? `${m.posts} posts in 4 h`
        : m.usual_low === null
          ? `${signed(m.score)} · ${m.posts} posts in 4 h`
          : `${signed(m.score)}, usually ${signed(m.usual_low)} to ${signed(m.usual_high)} · ${m.posts} posts in 4 h`,
    gauge: (m) => `Score ${signed(m.score)} on a scale from −1 (negative) to +1 (positive)`,
    learning: (when) => `Learning until ${when}`,
    folded: (n) => (n ? `The quietest companies are counted together, ${n} so far.` : ""),
    spent: (s, named) =>
      `${named ? `${s.rule}: ` : ""}Fired ${s.firings} ${s.firings === 1 ? "time" : "times"} in ${number(s.weeks, 1)} weeks since it learnt` +
      (s.a_week === null ? "" : `, ${number(s.a_week, 2)} a week`) +
      `, true surges included; the budget is ${s.budget} false ones a week.`,
    tooFew: "too few to say",
    posts24: (n) => `${n} posts in 24 h`,
    posts: (n) => `${n} posts`,
    shareNow: (m) => `${percent(m.share)} negative`,
    shareUsual: (share) => `usual ${percent(share)}`,
    surprise: (s) => (s > 0 ? `surprise ${number(s, 1)}` : "as usual"),
    surpriseMeans: "Surprise 3 means odds of 1 in 1000 in the company's own past.",
    noSeries: "No closed quarter of an hour yet: the first numbers come after 15 minutes of stream.",
    trendWords: (last, usual) =>
      `Last 15 minutes: ${last.negatives} negative of ${last.votes} voices; expected ${number(last.expected, 1)} ` +
      `(80% interval ${between(last.low, last.high)})` + (usual === null ? "" : `. Usual share ${percent(usual)}`) + ".",
    readout: (b, when) =>
      `${when}: ${b.negatives} negative of ${b.votes} voices, expected ${number(b.expected, 1)} (${between(b.low, b.high)})` +
      (b.score > 0 ? `, surprise ${number(b.score, 1)}` : ""),
    readoutHint: "Received time; a story told many times is one voice. Point here, or use the arrow keys.",
    chartLabel: (name, n) => `${name}: negative voices per 15 minutes with the expected band, ${n} quarters of an hour`,
    labels: { negative: "negative", neutral: "neutral", positive: "positive" },
    told: (n) => `told ${n} times`,
    noPosts: "No posts yet.",
    noAlerts: "No alerts. Nothing is further from usual than the rules allow.",
    severity: { warning: "Warning", major: "Major", critical: "Critical" },
    states_of: { open: "open", acknowledged: "acknowledged", resolved: "resolved", dismissed: "dismissed" },
    events: { fired: "fired", escalated: "escalated", resolved: "resolved" },
    surges: { negative_share: "Negative surge", volume: "Volume surge", silence: "Silence", lag: "Source lag", mix: "Shift of topics", breakout: "Story breakout", companies: "Many companies at once" },
    alertTogether: (m) =>
      `${m.negatives} of ${m.total} companies came under fire within ${span(m.window_minutes, "h", "min")}; usually about ` +
      `${number(m.expected, 1)} (80% interval ${between(m.expected_low, m.expected_high)}):`,
    and: ", ",
    alertWords: {
      negative_share: (m) =>
        `${m.negatives} independent negative voices in ${span(m.window_minutes, "h", "min")}; usually about ` +
        `${number(m.expected, 1)} at this time (80% interval ${between(m.expected_low, m.expected_high)}).`,
      volume: (m) =>
        `${m.total} independent voices in ${span(m.window_minutes, "h", "min")}; usually about ` +
        `${number(m.expected, 1)} at this time (80% interval ${between(m.expected_low, m.expected_high)}).`,
      mix: (m) =>
        `${m.negatives} of ${m.total} independent voices about the company spoke of this topic in ` +
        `${span(m.window_minutes, "h", "min")}: ${percent(m.share)}; usually ${percent(m.usual_share)}.`,
      lag: (m) =>
        `${m.negatives} of ${m.total} posts came late in ${span(m.window_minutes, "h", "min")}: ${percent(m.share)}; usually ` +
        `${percent(m.usual_share)}.`,
      breakout: (m) =>
        `${m.score} independent sources told one story within ${span(m.window_minutes, "h", "min")}; the rule asks for ${m.threshold}.`,
      silence: (m) => `No post in ${span(m.window_minutes, "h", "min")}, where about ${number(m.expected, 1)} were expected.`,
    },
    alertShare: (m) => `${percent(m.share)} of ${m.total} voices are negative; usually ${percent(m.usual_share)}.`,
    alertScore: (m) => `Surprise ${number(m.score, 1)} (the rule fires at ${number(m.threshold, 1)}).`,
    alertAsOf: (when) => `As of ${when}.`,
    alertStale: (n) => `${n} old posts came in late and are not counted.`,
    duePosts: (m) => `${m.posts} posts in all, repeats included.`,
    drivers: "What drives it",
    driverTopics: "Topics",
    driverSources: "Sources",
    other: "other",
    evidence: "Evidence",
    evidenceOne: "strongest negative story",
    evidenceOf: (company) => `strongest negative story of ${company}`,
    evidenceRank: (n) => `negative story ranked ${n}`,
    evidenceTold: (n) => `, told by ${n} posts`,
    timeline: "Timeline",
    showTrend: "Show the trend",
    open: "Open the post",
  },
  zh: {
    skip: "跳到走势",
    market: "市场情绪",
    movers: "公司",
    moversHint: "最反常的在前",
    alerts: "预警",
    allPosts: "全部公司",
    negatives: "每 15 分钟负面声音",
    share: "近 1 小时负面占比",
    usual: "平时",
    expected: "预期",
    band: "80% 区间",
    above: "超出区间",
    postsAbout: (name) => `最新观点 · ${name}`,
    latest: "最新观点",
    hours: (h) => (h < 48 ? `${h} 小时` : `${h / 24} 天`),
    live: "实时",
    connecting: "连接中…",
    lost: "连接中断，正在重试…",
    trouble: (reason) => `数据未更新：${reason}`,
    streamTime: "数据时间",
    states: {
      too_few: "帖子太少，无法判断",
      much_gloomier: "比近几天任何时候都悲观",
      gloomier: "比平时悲观",
      usual: "与平时相当",
      brighter: "比平时乐观",
      much_brighter: "比近几天任何时候都乐观",
    },
    marketNumbers: (m) =>
      m.score === null
        ? `4 小时 ${m.posts} 帖`
        : m.usual_low === null
          ? `${signed(m.score)} · 4 小时 ${m.posts} 帖`
          : `${signed(m.score)}，平时 ${signed(m.usual_low)} 至 ${signed(m.usual_high)} · 4 小时 ${m.posts} 帖`,
    gauge: (m) => `得分 ${signed(m.score)}，范围 −1（负面）至 +1（正面）`,
    learning: (when) => `学习中，至 ${when}`,
    folded: (n) => (n ? `最少被提及的公司合并计数，至今 ${n} 家次。` : ""),
    spent: (s, named) =>
      `${named ? `${s.rule}：` : ""}学习期后 ${number(s.weeks, 1)} 周内触发 ${s.firings} 次` +
      (s.a_week === null ? "" : `，每周 ${number(s.a_week, 2)} 次`) +
      `，含真实激增；预算为每周误报 ${s.budget} 次。`,
    tooFew: "太少，无法判断",
    posts24: (n) => `24 小时 ${n} 帖`,
    posts: (n) => `${n} 帖`,
    shareNow: (m) => `负面 ${percent(m.share)}`,
    shareUsual: (share) => `平时 ${percent(share)}`,
    surprise: (s) => (s > 0 ? `反常度 ${number(s, 1)}` : "与平时相当"),
    surpriseMeans: "反常度 3 表示按该公司自身历史只有千分之一的机会。",
    noSeries: "还没有完整的一刻钟：数据流满 15 分钟后出现第一批数字。",
    trendWords: (last, usual) =>
      `最近 15 分钟：${last.votes} 条声音中 ${last.negatives} 条负面；预期 ${number(last.expected, 1)}` +
      `（80% 区间 ${between(last.low, last.high)}）` + (usual === null ? "" : `。平时占比 ${percent(usual)}`) + "。",
    readout: (b, when) =>
      `${when}：${b.votes} 条声音中 ${b.negatives} 条负面，预期 ${number(b.expected, 1)}（${between(b.low, b.high)}）` +
      (b.score > 0 ? `，反常度 ${number(b.score, 1)}` : ""),
    readoutHint: "按接收时间；同一消息多次转述只算一条声音。将指针移到图上或用方向键查看。",
    chartLabel: (name, n) => `${name}：每 15 分钟负面声音与预期区间，共 ${n} 个刻钟`,
    labels: { negative: "负面", neutral: "中性", positive: "正面" },
    told: (n) => `第 ${n} 次转述`,
    noPosts: "暂无帖子。",
    noAlerts: "没有预警。目前没有超出规则允许的异常。",
    severity: { warning: "警告", major: "严重", critical: "危急" },
    states_of: { open: "未处理", acknowledged: "已确认", resolved: "已结束", dismissed: "已排除" },
    events: { fired: "触发", escalated: "升级", resolved: "结束" },
    surges: { negative_share: "负面舆情激增", volume: "讨论量激增", silence: "静默", lag: "来源延迟", mix: "主题转移", breakout: "事件扩散", companies: "多家公司同时告急" },
    alertTogether: (m) =>
      `过去 ${span(m.window_minutes, "小时", "分钟")} ${m.total} 家公司中有 ${m.negatives} 家出现负面激增，平时约 ` +
      `${number(m.expected, 1)}（80% 区间 ${between(m.expected_low, m.expected_high)}）：`,
    and: "、",
    alertWords: {
      negative_share: (m) =>
        `过去 ${span(m.window_minutes, "小时", "分钟")} ${m.negatives} 条独立负面声音，平时这个时段约 ` +
        `${number(m.expected, 1)}（80% 区间 ${between(m.expected_low, m.expected_high)}）。`,
      volume: (m) =>
        `过去 ${span(m.window_minutes, "小时", "分钟")} ${m.total} 条独立声音，平时这个时段约 ` +
        `${number(m.expected, 1)}（80% 区间 ${between(m.expected_low, m.expected_high)}）。`,
      mix: (m) =>
        `过去 ${span(m.window_minutes, "小时", "分钟")} 该公司 ${m.total} 条独立声音中有 ${m.negatives} 条谈及此主题，` +
        `占 ${percent(m.share)}，平时 ${percent(m.usual_share)}。`,
      lag: (m) =>
        `过去 ${span(m.window_minutes, "小时", "分钟")} ${m.total} 帖中有 ${m.negatives} 帖迟到，占 ${percent(m.share)}，平时 ${percent(m.usual_share)}。`,
      breakout: (m) =>
        `${span(m.window_minutes, "小时", "分钟")} 内 ${m.score} 个独立来源转述同一事件；规则要求 ${m.threshold} 个。`,
      silence: (m) =>
        `过去 ${span(m.window_minutes, "小时", "分钟")} 没有任何帖子，平时应有约 ${number(m.expected, 1)} 条。`,
    },
    alertShare: (m) => `${m.total} 条声音中负面占 ${percent(m.share)}，平时 ${percent(m.usual_share)}。`,
    alertScore: (m) => `反常度 ${number(m.score, 1)}（规则在 ${number(m.threshold, 1)} 触发）。`,
    alertAsOf: (when) => `截至 ${when}。`,
    alertStale: (n) => `另有 ${n} 条旧帖迟到，未计入。`,
    duePosts: (m) => `含转述共 ${m.posts} 帖。`,
    drivers: "起因",
    driverTopics: "主题",
    driverSources: "来源",
    other: "其他",
    evidence: "证据",
    evidenceOne: "最强的负面消息",
    evidenceOf: (company) => `${company} 最强的负面消息`,
    evidenceRank: (n) => `负面消息第 ${n} 位`,
    evidenceTold: (n) => `，${n} 帖转述`,
    timeline: "经过",
    showTrend: "查看走势",
    open: "打开原帖",
  },
};

export { number, percent, signed };
