/// A plot: curves and areas in an SVG that scales with the page, and axes in text that does not.
struct Plot {
  /// The side of the square that it is drawn in; the y axis points down.
  static let side = 1000

  /// A curve or an area; the page's style sets its colour.
  struct Layer {
    let path: String
    let style: String
    /// For the legend; nil for a part of another layer.
    let name: String?
  }

  let title: String
  /// A description in words, for screen readers.
  let description: String
  let xAxis: Axis
  let yAxis: Axis
  /// What the x axis shows.
  let xName: String
  /// What the y axis shows, with its unit.
  let yName: String
  var layers: [Layer] = []
  /// Positions on the x axis that are marked as failures.
  var alarms: [Double] = []
  /// A named horizontal line, such as a limit.
  var limit: (place: Double, name: String)?

  var html: String {
    PlotFrame(
      title: title, description: description, xName: xName, yName: yName, xMarks: xAxis.marks,
      yMarks: yAxis.marks, viewBox: "0 0 \(Self.side) \(Self.side)", drawing: drawing,
      legend: legend, style: "plot"
    ).html
  }

  private var drawing: String {
    var text = ""
    for mark in yAxis.marks {
      text += "<path class=\"grid\" d=\"M0 \(Self.y(mark.place))H\(Self.side)\"/>"
    }
    for layer in layers { text += "<path class=\"\(layer.style)\" d=\"\(layer.path)\"/>" }
    if let limit {
      text += "<path class=\"limit\" d=\"M0 \(Self.y(limit.place))H\(Self.side)\"/>"
    }
    for alarm in alarms {
      text += "<path class=\"alarm\" d=\"M\(Self.x(alarm)) 0V\(Self.side)\"/>"
    }
    return text
  }

  private var legend: [PlotFrame.Key] {
    let named = layers.compactMap { layer in layer.name.map { PlotFrame.Key(layer.style, $0) } }
    return (named.count > 1 ? named : [])
      + (limit.map { [PlotFrame.Key("limit", $0.name)] } ?? [])
      + (alarms.isEmpty ? [] : [PlotFrame.Key("alarm", "refused")])
  }

  static func x(_ place: Double) -> Int { Int((place * Double(side)).rounded()) }
  static func y(_ place: Double) -> Int { side - x(place) }
}

/// A drawing with a caption, labelled axes and a legend.
struct PlotFrame {
  struct Key {
    let style: String
    let name: String

    init(_ style: String, _ name: String) {
      self.style = style
      self.name = name
    }
  }

  let title: String
  let description: String
  let xName: String
  let yName: String
  let xMarks: [Axis.Mark]
  let yMarks: [Axis.Mark]
  let viewBox: String
  let drawing: String
  let legend: [Key]
  let style: String

  var html: String {
    var text =
      "<figure class=\"\(style)\"><figcaption>\(HTML.escaped(title)) "
      + "<span class=\"unit\">\(HTML.escaped(yName))</span></figcaption>\n"
    if !legend.isEmpty {
      text += "<p class=\"legend\">"
      for key in legend {
        text += "<span><i class=\"\(key.style)\"></i>\(HTML.escaped(key.name))</span> "
      }
      text += "</p>\n"
    }
    text += "<div class=\"frame\"><div class=\"y\" aria-hidden=\"true\">"
    text += labels(yMarks, from: "bottom") + "</div>\n"
    text += "<svg viewBox=\"\(viewBox)\" preserveAspectRatio=\"none\" role=\"img\">"
    text += "<title>\(HTML.escaped(title))</title><desc>\(HTML.escaped(description))</desc>"
    text +=
      drawing + "</svg>\n<div class=\"x\" aria-hidden=\"true\">" + labels(xMarks, from: "left")
    return text + "</div>\n<div class=\"name\">\(HTML.escaped(xName))</div></div></figure>\n"
  }

  private func labels(_ marks: [Axis.Mark], from edge: String) -> String {
    // Labels that would overlap are left out; the last one keeps clear of the edge.
    var next = -1.0
    var text = ""
    for mark in marks where mark.place >= next && mark.place <= 1.001 {
      let percent = Format.decimal(min(1, mark.place) * 100, digits: 1)
      // The last label ends at the edge instead of crossing it.
      let style = edge == "left" && mark.place > 0.97 ? "right:0" : "\(edge):\(percent)%"
      let attribute = style == "right:0" ? " class=\"last\"" : ""
      text += "<span\(attribute) style=\"\(style)\">\(HTML.escaped(mark.label))</span>"
      next = mark.place + 0.07
    }
    return text
  }
}
