"""Words of many languages by which a page is no article, or a section no prose.

Sources: templates and words of MediaWiki's languages (the lists of wtf_wikipedia, MIT), and the wikis themselves.
"""

from __future__ import annotations

from hornbook.corpus.readers.wiki.lists import names_of

# Templates that say: this page only tells apart what has one name.
DISAMBIGUATION = names_of(
    """
    page d'homonymie | patronyme | toponymie | список однофамильцев |
    aimai | airport dis | airport disambig | airport disambiguation | anlam ayrımı | anlamayrımı | apartigilo |
    argipen | aðgreining | ałtsʼáʼáztiin | bandeau homonymie | begriepskloorenge | begriffsklaerung |
    begriffsklearung | begriffsklärung | betydelselista | biology disambiguation | bisongidila | bokokani | caddayn |
    call sign disambiguation | callsigndis | caselaw disambiguation | chinese title disambiguation | clerheans |
    cudakirin | dab | dabprefix | desambig | desambigación | desambiguació | desambiguación | desambiguasion |
    desambiguassiù | desambiguação | desambigui | desambiguáncia | dezambiguizare | dezanbìgua | disamb |
    disamb-term | disamb-terms | disamb2 | disamb3 | disamb4 | disambig | disambig-cleanup | disambig-tw |
    disambigua | disambiguasi | disambiguation | disambiguation cleanup | disambiguation page | disambiguazion |
    disambigue | disambìgua | discretiva | disheñvelout | disingkek | dixanbigua | dixebra | diżambigwazzjoni |
    doorverwijspagina | dubbelsinnig | dudalipen | dəqiqləşdirmə | egyért | faaleaogaina | fleiri týdningar |
    fleirtyding | flertydig | förgrening | förgreningssida | genus disambiguation | geo-dis | geodis |
    gestion dj'omònim | giklaro | grenar | grensida | gwahaniaethu | gì-ngiê | hndab | hndis | homonimo | homonyme |
    homonymie | homónimos | hospital disambiguation | hospitaldis | huaʻōlelo puana like | human name disambiguation |
    human name disambiguation cleanup | idirdhealú | khu-pia̍t | kthjellim | kujekesa | latindab | letter disambig |
    letter-number combination disambiguation | letter-numbercombdisambig | letterdisambig | maana | maneo bin |
    mathdab | mathematical disambiguation | mehrdüdig begreep | menm non | mil-unit-dis |
    military unit disambiguation | muardüüdag artiikel | music disambiguation | myesakãrã | neibetsjuttings |
    nozīmju atdalīšana | number disambiguation | numberdis | nuorodinis | nyahkekaburan | omonimeye | omonimi |
    omonimia | opus number disambiguation | ortnamn | page dé frouque | paglilinaw | panangilawlawag | pansayod |
    paronymie | pejy mitovy anarana | peker | personnamedis | phonetics disambiguation | place name disambiguation |
    razdvojba | razločitev | razvrstavanje | reddaghey | road disambiguation | roaddis | rozcestnik | rozcestník |
    rozlišovacia stránka | school disambiguation | schooldis | sclerir noziun | selvendyssivu | soilleireachadh |
    species latin name abbreviation disambiguation | species latin name disambiguation | speciesdis | station dis |
    station disambiguation | stationdis | strona ujednoznaczniająca | sut'ichana qillqa | suzmunski |
    synagogue disambiguation | taxonomic authority disambiguation | taxonomy disambiguation | taxonomydis |
    telplänov | tlahtolmelahuacatlaliztli | trang định hướng | täpsustuslehekülg | täsmennyssivu | ujednoznacznienie |
    verdudeliking | višeznačna odrednica | višeznačnost | wjacezmyslnosć | wěcejwóznamowosć | zambiguaçon |
    zeimeibu škiršona | čvor | định hướng | αποσαφήνιση | απροσαφήνιστο | айрық | аҵакырацәа | багатозначність |
    бир аайы јок | вишезначна одредница | ибҳомзудоӣ | кёб магъаналы | күп мәгънәләр | күп мәғәнәлелек |
    массехк маӏан хилар | многозначность | мъногосъмꙑслиѥ | неадназначнасць | неадназначнасьць | неоднозначна |
    неоднозначность | неоднозначність | однофамильцы | олон удхатай | пояснение | појаснување | са шумуд манавал |
    салаа утгатай | суолталар | тезки | текмаанисиздик | цо магіна гуреб | чеперушка | чолхалла |
    шуко ончыктымаш-влак | բազմիմաստութիւն | բազմիմաստություն | באדייטן | פירושונים | ابهام زدایی | ابهام‌زدایی |
    توضيح | توضیح | دقیقلشدیرمه | سلجهائپ | صفحة توضيح | ضد ابہام | نامبهمېدنه | ڕوونکردنەوە | گجگجی بیری |
    अस्पष्टता | बहुअर्थी | बहुविकल्पी शब्द | দ্ব্যর্থতা নিরসন | ਗੁੰਝਲ-ਖੋਲ੍ਹ | સંદિગ્ધ શીર્ષક |
    பக்கவழி நெறிப்படுத்தல் | மயக்கவரை | అయోమయ నివృత్తి | ದ್ವಂದ್ವ ನಿವಾರಣೆ | വിവക്ഷകൾ | වක්‍රෝත්ති | แก้กำกวม |
    แก้ความกำกวม | သဵင်မိူၼ် တူၼ်ႈထႅဝ်ပႅၵ်ႇ | သံတူကြောင်းကွဲ | მრავალმნიშვნელოვანი | መንታ | ណែនាំ | អសង្ស័យកម្ម |
    人名の曖昧さ回避 | 人名消歧义 | 人名消歧義 | 同名の作品 | 地名の曖昧さ回避 | 地名消歧义 | 地名消歧義 | 多义词 |
    多義 | 多義詞 | 学校名の曖昧さ回避 | 山の曖昧さ回避 | 扤清楚 | 搞清楚 | 曖昧さ回避 | 消含糊 | 消歧义 | 消歧义页 |
    消歧義 | 消歧義頁 | 釋義 | 동명이인 | 동음이의
    """
)
# What stands in brackets behind the title of such a page.
DISAMBIGUATION_TITLES = names_of(
    """
    anlam ayrımı | apartigilo | argipena | begriffsklärung | desambiguació | desambiguación | desambiguação |
    dezambiguizare | disambigua | disambiguasi | disambiguation | doorverwijspagina | dubbelsinnig |
    egyértelműsítő lap | flertydig | homonymie | homónimos | nyahkekaburan | olika betydelser | razločitev |
    rozcestník | täpsustus | täsmennyssivu | ujednoznacznienie | višeznačna odrednica | định hướng | αποσαφήνιση |
    вишезначна одредница | значения | значення | значэнні | пояснение | այլ կիրառումներ | פירושונים | ابهام‌زدایی |
    توضيح | د ابہام | बहुविकल्पी | แก้ความกำกวม | 搞清楚 | 曖昧さ回避 | 消歧义 | 消歧義 | 동음이의
    """
)
# What stands before the target of a page that only leads to another.
REDIRECTS = names_of(
    """
    aanstuur | aastiurey | adkas | ailgyfeirio | alidirekto | alidirektu | alih | alihkan | aýdaw | baw-ing |
    beralîkirin | birzuzendu | doorverwijzing | eynilən | istiqamətləndirmə | i̇stiqamətləndirmə | lencong | ohjaus |
    omdiriger | omdirigering | patrz | presmerovanie | presmeruj | preusmeritev | preusmjerava | preusmjerenje |
    preusmjeri | przekierowanie | przekieruj | pāradresācija | přesměrování | přesměruj | redireccion | redirecció |
    redirección | redirecionamento | redirect | redirecteaza | redirection | redirecţioneaza | redirige | rediriger |
    redirixe equí | rindirizz | rinvia | rinvio | stivre deike | suuna | suunamine | tam | tilvísun | trimite |
    uudelleenohjaus | weiterleitung | yoʻnaltirish | yönlendir | yönlendirme | yönlendi̇r | yönlendi̇rme |
    átirányítás | đổi | đổi hướng | đổi hướng đến đây | ανακατευθυνση | айдау | багыттама | буссинаби | виж |
    дӏасахьажорг | от пренасочване | перанакіраванне | перанакіраваньне | перанакіроўваецца сюды | перенапр |
    перенаправление | перенаправлення | перенаправлено | пренасочване | пренасочување | преусмерава | преусмери |
    преусмјери | равонакунӣ | վերահղում | הפניה | ווייטערפירן | تحويل | تغییر مسیر | تغییرمسیر | رجوع مکرر |
    अनुप्रेषित | पुनर्निर्देशन | পুননির্দেশ | পুনর্নির্দেশ | வழிமாற்று | దారిమార్పు | തിരിച്ചുവിടുക | යළියොමුව |
    เปลี่ยนทาง | გადამისამართება | ប្តូរទីតាំងទៅ | リダイレクト | 自動転送 | 跳轉 | 転送 | 轉址 | 轉發 | 转发 |
    重定向 | 重新導向 | 넘겨주기 | 다른 뜻 넘어옴
    """
)
# Headings of sections that hold lists of links, works and notes.
LISTS = names_of(
    """
    aiheesta muualla | allikad | altri progetti | anmerkungen | articles connexes | atsauces | ayrıca bakınız |
    bacaan lanjutan | bakgrunnsstoff | belege | bibliografia | bibliografia complementària | bibliografie |
    bibliografía | bibliographie | bibliography | bilješke | bron | bronne | bronnen | bronnen, noten en referenties |
    bronnen, noten en/of referenties | bronvermelding | catatan | catatan kaki | chú thích | citations |
    collegamenti esterni | cyfeiriadau | daftar pustaka | dipnotlar | dolenni allanol | dış bağlantılar |
    einzelnachweise | einzelnachweise und anmerkungen | eksteraj ligiloj | eksterne henvisninger | eksterne lenker |
    eksterne links | eksterne skakels | enlace externo | enlaces externos | enllaços externs | erreferentziak |
    externa länkar | external link | external links | external sources | externe link | externe links |
    externé odkazy | externí odkazy | fodnoter | fonti | footnotes | források | fotnoter | fuentes | further reading |
    fußnoten | galeri | galeria | galerie | galería | galleria d'immagini | gallery | general references | ghi chú |
    glej tudi | gweler hefyd | hivatkozások | ikus, gainera | iné projekty | irodalom | izvori | išnašos | jegyzetek |
    kanpo estekak | kanpo loturak | kapcsolódó szócikkek | katso myös | kaynaklar | kaynakça | kilder |
    kirjallisuutta | kirjandus | kjelder | konuyla ilgili yayınlar | källor | külső hivatkozások | lectura adicional |
    lectură suplimentară | legături externe | leitura adicional | lien externe | liens externes | liens internes |
    ligazóns externas | ligação externa | ligações externas | lihat juga | lihat pula | linki zewnętrzne | links |
    literatur | literatur und quellen | literatura | literature cited | literatuur | litteratur | liên kết ngoài |
    lásd még | lähteet | nachweise | napomene | nexus externi | nguồn | notas | notas al pie | notas e referências |
    notas y referencias | note | note de subsol | noten | noter | noter og referanser | notes | notes and citations |
    notes and references | notes et références | notlar | notoj | nuorodos | odkazy | opombe | pautan luar |
    povezani članci | poznámky | pozri aj | pranala luar | przypisy | quellen | referansar | referanser | reference |
    referencer | references | references and further reading | references and notes | referencias |
    referencias y notas | referencie | referencoj | referenser | referensi | referenties | referințe | referències |
    referências | rujukan | références | références et notes | se också | se også | se även | see also | siehe auch |
    sien ook | sjå òg | skatīt arī | sklici | source | sources | související články | spoljašnje veze |
    taip pat skaitykite | također pogledajte | tham khảo | thư mục | további információk | tryckta källor | uwagi |
    vaata ka | vanjske poveznice | vanjski linkovi | vegeu també | ver também | verwysings | vezi și |
    vidare läsning | vide etiam | vidi još | vidu ankaŭ | viited | viitteet | viri | viz též | voci correlate |
    voetnoten | voir aussi | välislingid | véase también | véxase tamén | webbkällor | weblink | weblinks |
    works cited | xem thêm | zie ook | zobacz też | zunanje povezave | à voir aussi | ārējās saites | šaltiniai |
    βιβλιογραφία | δείτε επίσης | εξωτερικοί σύνδεσμοι | παραπομπές | πηγές | σημειώσεις | бележки |
    бележки и източници | види још | вижте също | външни препратки | галерея | гл. таксама | джерела | див. також |
    зноскі | извори | източници | источники | комментарии | литература | літаратура | література | наводи |
    надворешни врски | напомене | поврзано | посилання | препратки | примечания | примітки | референце | см. также |
    см. таксама | сноски | спасылкі | спољашње везе | ссылки | արտաքին հղումներ | ծանոթագրություններ | տես նաև |
    ביאורים | גלריה | הערות שוליים | לקריאה נוספת | קישורים חיצוניים | ראו גם | المراجع | المصادر | انظر أيضا |
    انظر أيضًا | برای مطالعه بیشتر | بیرونی روابط | جستارهای وابسته | حوالہ جات | روابط خارجية | مراجع | مزید دیکھیے |
    مصادر | معرض صور | منابع | هوامش | وصلات خارجية | پانویس | پیوند به بیرون | یادداشت‌ها | इन्हें भी देखें |
    बाहरी कड़ियाँ | बाहरी कड़ियां | संदर्भ | सन्दर्भ | আরও দেখুন | তথ্যসূত্র | বহিঃসংযোগ | இவற்றையும் பார்க்கவும் |
    மேற்கோள்கள் | வெளி இணைப்புகள் | బయటి లింకులు | మూలాలు | അവലംബം | ഇതും കാണുക | പുറത്തേക്കുള്ള കണ്ണികൾ | ดูเพิ่ม |
    อ้างอิง | แหล่งข้อมูลอื่น | იხილეთ აგრეთვე | რესურსები ინტერნეტში | სქოლიო | ギャラリー | 出典 | 参看 | 参考文献 |
    参考来源 | 参考资料 | 参见 | 參看 | 參考來源 | 參考文獻 | 參考資料 | 參見 | 备注 | 外部リンク | 外部連結 |
    外部鏈接 | 外部链接 | 延伸閱讀 | 延伸阅读 | 注脚 | 注釈 | 注釈・出典 | 注释 | 注釋 | 相关条目 | 相關條目 | 脚注 |
    脚注・出典 | 腳註 | 註腳 | 註釋 | 関連文献 | 関連項目 | 각주 | 같이 보기 | 내용주 | 외부 링크 | 주석 | 참고 문헌 |
    참고 자료 | 참고문헌 | 참조 | 출처
    """
)
