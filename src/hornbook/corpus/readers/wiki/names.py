"""What wikis call things in their languages: files, categories, redirects, disambiguations, sections of links.

A dump says the names of its namespaces, not their other names: those are here, by language, as are words that no dump
lists. Sources: the namespaces of the wikis (MediaWiki's messages; the list of the data set `wikipedia` of Hugging Face
and that of Data-Juicer, Apache-2.0), the interlanguage prefixes of Wikipedia, and MediaWiki's magic words.
"""

from __future__ import annotations

from functools import cache

from hornbook.corpus.readers.wiki.lists import names_of


@cache
def files(language: str) -> frozenset[str]:
    """Return the names of the namespace of files on a wiki of this language ("" = any), in lower case."""
    return frozenset({"file", "image", *_of(language, _by_language(_FILES))})


@cache
def categories(language: str) -> frozenset[str]:
    """Return the names of the namespace of categories on a wiki of this language ("" = any), in lower case."""
    return frozenset({"category", *_of(language, _by_language(_CATEGORIES))})


def _of(language: str, named: dict[str, list[str]]) -> list[str]:
    """Return the names of a language; of all, where none is known."""
    if not language:
        return [name for names in named.values() for name in names]
    return named.get(_FORMER.get(language, language), [])


def _by_language(table: str) -> dict[str, list[str]]:
    pairs = (item.strip().partition("=") for item in table.split(";"))
    return {language: names.split(",") for language, _, names in pairs}


# Codes that a dump states, and those by which Wikimedia names the wikis of these languages.
_FORMER = {
    "gsw": "als", "nb": "no", "be-tarask": "be-x-old", "lzh": "zh-classical", "nan": "zh-min-nan", "yue": "zh-yue",
    "sgs": "bat-smg", "vro": "fiu-vro", "rup": "roa-rup", "egl": "eml", "nrf": "nrm", "jv-x-bms": "map-bms",
    "cbk": "cbk-zam", "zh-hans": "zh", "zh-hant": "zh", "zh-cn": "zh", "zh-tw": "zh", "sr-cyrl": "sr", "sr-ec": "sr",
}  # fmt: skip
_FILES = """
    ab=медиа,файл,афаил,амедиа,изображение; ace=beureukaih,gambar,alat,berkas; ady=медиа; af=lêer,beeld;
    als=medium,datei,bild; am=ፋይል,ስዕል; an=imachen,imagen; ang=ymele,biliþ; ar=ميديا,صورة,وسائط,ملف; arc=ܠܦܦܐ,ܡܝܕܝܐ;
    arz=ميديا,صورة,وسائط,ملف; as=চিত্ৰ,चित्र,চিত্র,মাধ্যম; ast=imaxen,ficheru,imaxe,archivu,imagen,medios;
    atj=tipatcimoctakewin,natisinahikaniwoc; av=медиа,файл,изображение; ay=medio,archivo,imagen;
    az=mediya,şəkil,fayl; azb=رسانه,تصویر,مدیا,فایل,رسانه‌ای; ba=медиа,рәсем,файл,изображение;
    bar=medium,datei,bild; bat-smg=vaizdas,medėjė,abruozdielis; bcl=medio,ladawan; be=мультымедыя,файл,выява;
    be-x-old=мэдыя,файл,выява; bg=медия,файл,картинка; bh=मीडिया,चित्र; bjn=barakas,gambar,berkas;
    bm=média,fichier; bn=চিত্র,মিডিয়া; bpy=ছবি,মিডিয়া; br=skeudenn,restr; bs=mediji,slika,datoteka,medija;
    bug=gambar,berkas; bxr=файл,меди,изображение; ca=fitxer,imatge; cbk-zam=medio,archivo,imagen;
    cdo=文件,媒體,圖像,檔案; ce=хlум,медиа,сурт,файл,медйа,изображение; ceb=payl,medya,imahen; ch=litratu;
    ckb=میدیا,پەڕگە; co=immagine; crh=медиа,resim,файл,fayl,ресим; cs=soubor,média,obrázok; csb=òbrôzk,grafika;
    cu=видъ,ви́дъ,дѣло,срѣдьства; cv=медиа,ӳкерчĕк,изображение; cy=delwedd; da=billede,fil; de=medium,datei,bild;
    din=ciɛl,apamduööt; diq=medya,dosya; dsb=wobraz,dataja,bild,medija; dty=चित्र,मिडिया; dv=ފައިލު,މީޑިއާ,ފައިލް;
    el=εικόνα,αρχείο,μέσο,μέσον; eml=immagine; eo=dosiero,aŭdvidaĵo; es=medio,archivo,imagen; et=pilt,fail,meedia;
    eu=irudi,fitxategi; ext=archivu,imagen,mediu; fa=رسانه,تصویر,مدیا,پرونده,رسانه‌ای; ff=média,fichier;
    fi=kuva,tiedosto; fiu-vro=pilt,meediä; fo=miðil,mynd; fr=média,fichier; frp=émâge,fichiér,mèdia;
    frr=medium,datei,bild; fur=immagine,figure; fy=ofbyld; ga=íomhá,meán; gag=mediya,medya,resim,dosya,dosye;
    gan=媒体文件,文件,文檔,档案,媒體,图像,圖像,媒体,檔案; gd=faidhle,meadhan; gl=imaxe,ficheiro,arquivo,imagem;
    glk=رسانه,تصویر,پرونده,فاىل,رسانه‌ای,مديا; gn=medio,imagen,ta'ãnga; gom=माध्यम,मिडिया,फायल; gor=gambar,berkas;
    got=𐍆𐌴𐌹𐌻𐌰; gu=દ્રશ્ય-શ્રાવ્ય (મિડિયા),ચિત્ર; gv=coadan,meanyn; hak=文件,媒體,圖像,檔案;
    haw=kiʻi,waihona,pāpaho; he=תמונה,קו,מדיה,קובץ; hi=मीडिया,चित्र; hif=file,saadhan; hr=mediji,slika,datoteka;
    hsb=wobraz,dataja,bild; ht=imaj,fichye,medya; hu=kép,fájl,média; hy=պատկեր,մեդիա; ia=imagine,multimedia;
    id=gambar,berkas; ig=nká,midia,usòrò,ákwúkwó orünotu; ii=媒体文件,文件,档案,图像,媒体; ilo=midia,papeles;
    inh=медиа,файл,изображение; io=imajo,arkivo; is=miðill,mynd; it=immagine; ja=メディア,ファイル,画像;
    jbo=velsku,datnyvei; jv=barkas,medhia,gambar,médhia; ka=მედია,სურათი,ფაილი;
    kaa=swret,таспа,سۋرەت,taspa,su'wret,сурет,تاسپا; kab=tugna; kbd=медиа,файл; kbp=média,fichier; kg=fisye;
    kk=swret,سۋرەت,таспа,taspa,сурет,تاسپا; kl=billede,fiileq,fil; km=ឯកសារ,រូបភាព,មេឌា,មីឌា; kn=ಚಿತ್ರ,ಮೀಡಿಯ;
    ko=미디어,파일,그림; koi=медиа,файл,изображение; krc=медиа,файл,изображение; ks=میڈیا,فَیِل;
    ksh=beld,meedije,medie,belld,medium,datei,meedijum,bild; ku=میدیا,پەڕگە,medya,wêne; kv=медиа,файл,изображение;
    kw=restren; ky=медиа,файл; la=imago,fasciculus; lad=dossia,medya,archivo,dosya,imagen,meddia; lb=fichier,bild;
    lbe=медиа,сурат,изображение; lez=медиа,mediya,файл,şəkil,изображение; lfn=fix;
    li=afbeelding,plaetje,aafbeilding; lij=immaggine,immagine; lmo=immagine,imàjine,archivi; ln=média,fichier;
    lo=ສື່ອ,ສື່,ຮູບ; lrc=رسانه,تصویر,رسانه‌ای,جانیا,أسگ,ڤارئسگأر; lt=vaizdas,medija; ltg=medeja,fails; lv=attēls;
    mai=मेडिया,फाइल; map-bms=barkas,medhia,gambar,médhia; mdf=медиа,няйф,изображение; mg=rakitra,sary,média;
    mhr=медиа,файл,изображение; min=gambar,berkas; mk=податотека,медија,медиум,слика;
    ml=പ്രമാണം,ചി,മീഡിയ,പ്ര,ചിത്രം; mn=медиа,файл,зураг; mr=चित्र,मिडिया; mrj=медиа,файл,изображение; ms=fail,imej;
    mt=midja,medja,stampa; mwl=multimédia,fexeiro,ficheiro,arquivo,imagem; my=ဖိုင်,မီဒီယာ;
    myv=медия,артовкс,изображение; mzn=رسانه,تصویر,مه‌دیا,مدیا,پرونده,رسانه‌ای; nah=mēdiatl,īxiptli,imagen;
    nap=fiùra,immagine; nds=datei,bild; nds-nl=ofbeelding,afbeelding,bestaand; ne=मीडिया,चित्र; new=किपा,माध्यम;
    nl=bestand,afbeelding; nn=fil,bilde,filpeikar; no=fil,medium,bilde; nrm=média,fichier; nso=seswantšho;
    nv=eʼelyaaígíí; oc=imatge,fichièr,mèdia; olo=kuva,medii,failu; or=ମାଧ୍ୟମ,ଫାଇଲ; os=ныв,медиа,файл,изображение;
    pa=ਤਸਵੀਰ,ਮੀਡੀਆ; pcd=média,fichier; pdc=medium,datei,bild,feil; pfl=dadai,medium,datei,bild; pi=मीडिया,पटिमा;
    pl=plik,grafika; pms=figura,immagine; pnb=میڈیا,تصویر,فائل; pnt=εικόνα,αρχείον,εικόναν,μέσον;
    ps=انځور,رسنۍ,دوتنه; pt=multimédia,ficheiro,arquivo,imagem; qu=midya,imagen,rikcha; rm=multimedia,datoteca;
    rmy=fişier,mediya,chitro,imagine; ro=fişier,imagine,fișier; roa-rup=fişier,imagine,fișier; roa-tara=immagine;
    ru=медиа,файл,изображение; rue=медіа,медиа,файл,изображение,зображення; rw=dosiye,itangazamakuru;
    sa=चित्रम्,माध्यमम्,सञ्चिका,माध्यम,चित्रं; sah=миэдьийэ,ойуу,билэ,изображение; sat=ᱨᱮᱫ,ᱢᱤᱰᱤᱭᱟ; sc=immàgini;
    scn=immagine,mmàggini,mèdia; sd=عڪس,ذريعات,فائل; se=fiila; sg=média,fichier;
    sh=mediji,slika,медија,datoteka,medija,слика; si=රූපය,මාධ්‍යය,ගොනුව; sk=súbor,obrázok,médiá; sl=slika,datoteka;
    sq=figura,skeda; sr=датотека,medij,slika,медија,datoteka,медиј,medija,слика; srn=afbeelding,gefre;
    stq=bielde,bild; su=média,gambar; sv=fil,bild; sw=faili,picha; szl=plik,grafika; ta=படிமம்,ஊடகம்;
    tcy=ಮಾದ್ಯಮೊ,ಫೈಲ್; te=ఫైలు,దస్త్రం,బొమ్మ,మీడియా; tet=imajen,arquivo,imagem; tg=акс,медиа; th=ไฟล์,สื่อ,ภาพ;
    ti=ፋይል,ሜድያ; tk=faýl; tl=midya,talaksan; tpi=fail; tr=medya,resim,dosya,ortam;
    tt=медиа,рәсем,файл,räsem,изображение; ty=média,fichier; tyv=медиа,файл,изображение;
    udm=медиа,файл,суред,изображение; ug=ۋاسىتە,ھۆججەت; uk=медіа,медиа,файл,изображение,зображення;
    ur=میڈیا,تصویر,وسیط,زریعہ,فائل,ملف; uz=mediya,tasvir,fayl; vec=immagine,imàjine,mèdia; vep=pilt,fail;
    vi=phương tiện,tập tin,hình; vls=afbeelding,ofbeeldienge; vo=ragiv,magod,nünamakanäd; wa=imådje;
    war=medya,fayl,paypay; wo=xibaarukaay,dencukaay; wuu=文件,档案,图像,媒体; xal=аһар,боомг,изображение,зург;
    xmf=მედია,სურათი,ფაილი; yi=מעדיע,תמונה,טעקע,בילד; yo=fáìlì,amóhùnmáwòrán,àwòrán;
    za=媒体文件,文件,档案,图像,媒体; zea=afbeelding,plaetje; zh=媒体文件,文件,媒體,档案,图像,圖像,媒体,檔案;
    zh-classical=文件,媒體,圖像,檔案; zh-min-nan=tóng-àn,文件,媒體,mûi-thé,圖像,檔案;
    zh-yue=文件,媒體,档案,图像,圖像,媒体,檔案
"""
_CATEGORIES = """
    ab=категория,акатегориа; ace=kawan,kategori; af=kategorie; ak=nkyekyem; als=kategorie; am=መደብ; an=categoría;
    ang=flocc; ar=تصنيف; arc=ܣܕܪܐ; arz=تصنيف; as=cat,শ্ৰেণী,श्रेणी,শ্রেণী; ast=categoría; atj=tipanictawin;
    av=категория; ay=categoría; az=kateqoriya; azb=بؤلمه; ba=төркөм,категория; bar=kategorie;
    bat-smg=kategorija,kateguorėjė; bcl=kategorya; be=катэгорыя; be-x-old=катэгорыя; bg=категория; bh=श्रेणी;
    bjn=tumbung,kategori; bm=catégorie; bn=বিষয়শ্রেণী,വിഭാഗം; bpy=থাক; br=rummad; bs=kategorija; bug=kategori;
    bxr=категори,категория; ca=categoria; cbk-zam=categoría; cdo=分類; ce=категори,тоба,кадегар; ceb=kategoriya;
    ch=katigoria; ckb=پۆل; co=categoria; crh=категория,kategoriya; cs=kategorie; csb=kategòrëjô;
    cu=катигорї,категория,катигорїꙗ; cv=категори; cy=categori; da=kategori; de=kategorie; din=bekätakthook;
    diq=kategoriye,kategori; dsb=kategorija; dty=श्रेणी; dv=ޤިސްމު; el=κατηγορία; eml=categoria; eo=kategorio;
    es=cat,categoría; et=kategooria; eu=kategoria; ext=categoría,categoria; fa=رده; ff=catégorie; fi=luokka;
    fiu-vro=katõgooria; fo=bólkur; fr=catégorie; frp=catègorie; frr=kategorie; fur=categorie; fy=kategory;
    ga=rang,catagóir; gag=kategori,kategoriya; gan=分類,分类; gd=roinn-seòrsa; gl=categoría; glk=جرگه,رده;
    gn=ñemohenda; gom=वर्ग,श्रेणी; gor=dalala; got=𐌷𐌰𐌽𐍃𐌰; gu=શ્રેણી,cat,શ્રે; gv=ronney; hak=分類; haw=māhele;
    he=קטגוריה,קט; hi=श्र,श्रेणी; hif=vibhag; hr=kategorija; hsb=kategorija; ht=kategori; hu=kategória;
    hy=կատեգորիա; ia=categoria; id=kategori; ie=categorie; ig=ébéonọr,òtù; ii=分类; ilo=kategoria; inh=оагӏат;
    io=kategorio; is=flokkur; it=cat,categoria; ja=カテゴリ; jbo=klesi; jv=kategori; ka=კატეგორია;
    kaa=sanat,kategoriya,санат,سانات; kab=taggayt; kbd=категория,категориэ; kbp=catégorie; kg=kalasi;
    kk=sanat,санат,سانات; kl=sumut atassuseq,kategori; km=ចំនាត់ថ្នាក់ក្រុម,ចំណាត់ក្រុម,ចំណាត់ថ្នាក់ក្រុម; kn=ವರ್ಗ;
    ko=분류; koi=категория; krc=категория; ks=زٲژ;
    ksh=saachjropp,saachjrop,katejori,kategorie,saachjrupp,kattejori,sachjrop; ku=kategorî,پۆل; kv=категория;
    kw=class,klass; ky=категория; la=categoria; lad=kateggoría,katēggoría,categoría; lb=kategorie; lbe=категория;
    lez=категория; lfn=categoria; li=categorie,kategorie; lij=categorîa,categoria; lmo=categuria,categoria;
    ln=catégorie; lo=ໝວດ; lrc=دأسە; lt=kategorija; ltg=kategoreja; lv=kategorija; mai=श्रेणी; map-bms=kategori;
    mdf=категорие,категория; mg=sokajy,catégorie; mhr=категория,категорий; min=kategori; mk=категорија;
    ml=വിഭാഗം,വി,വർഗ്ഗം; mn=ангилал; mr=वर्ग; mrj=категори,категория; ms=kategori; mt=kategorija;
    mwl=catadorie,categoria; my=ကဏ္ဍ; myv=категория; mzn=رج,رده; nah=neneuhcāyōtl,categoría;
    nap=categurìa,categoria; nds=kategorie; nds-nl=categorie,kattegerie,kategorie; ne=श्रेणी; new=पुचः;
    nl=categorie; nn=kategori; no=kategori; nrm=catégorie; nso=setensele; nv=tʼááłáhági átʼéego; oc=categoria;
    olo=kategourii; or=ବିଭାଗ,ଶ୍ରେଣୀ; os=категори; pa=ਸ਼੍ਰੇਣੀ; pcd=catégorie; pdc=abdeeling,kategorie;
    pfl=kadegorie,sachgrubb,kategorie; pi=विभाग; pl=kategoria; pms=categorìa; pnb=گٹھ; pnt=κατηγορίαν; ps=وېشنيزه;
    pt=categoria; qu=katiguriya; rm=categoria; rmy=shopni; ro=categorie; roa-rup=categorie; roa-tara=categoria;
    ru=категория; rue=категория,катеґорія; rw=ikiciro; sa=वर्गः; sah=категория; sat=ᱛᱷᱚᱠ; sc=categoria;
    scn=catigurìa; sd=زمرو; se=kategoriija; sg=catégorie; sh=kategorija,категорија; si=ප්‍රවර්ගය; sk=kategória;
    sl=kategorija; sq=kategoria,kategori; sr=kategorija,категорија; srn=categorie,guru; stq=kategorie; su=kategori;
    sv=kategori; sw=jamii; szl=kategoryjo,kategoria; ta=பகுப்பு; tcy=ವರ್ಗೊ; te=వర్గం; tet=kategoría,kategoria;
    tg=гурӯҳ; th=หมวดหมู่; ti=መደብ; tk=kategoriýa; tl=kategorya,kaurian; tpi=grup; tr=kategori,kat;
    tt=төркем,törkem,категория; ty=catégorie; tyv=аңгылал,категория; udm=категория; ug=تۈر; uk=категория,категорія;
    ur=زمرہ; uz=turkum,kategoriya; vec=categoria; vep=kategorii; vi=thể loại; vls=categorie; vo=klad;
    wa=categoreye; war=kaarangay; wo=wàll,catégorie; wuu=分类; xal=янз,әәшл; xmf=კატეგორია;
    yi=קאטעגאריע,קאַטעגאָריע; yo=ẹ̀ka; za=分类; zea=categorie; zh=分类,分類,cat; zh-classical=分類,cat;
    zh-min-nan=分類,lūi-pia̍t; zh-yue=分类,分類
"""
# Prefixes of links to the same page in another language.
LANGUAGES = names_of(
    """
    aa ab ace ady af ak als alt am ami an ang ann anp ar arc ary arz as ast atj av avk awa ay az azb ba ban bar
    bat-smg bbc bcl bdr be be-tarask be-x-old bew bg bh bi bjn blk bm bn bo bpy br bs btm bug bxr ca cbk-zam cdo ce
    ceb ch cho chr chy ckb co cr crh cs csb cu cv cy da dag de dga din diq dsb dtp dty dv dz ee el eml en eo es et
    eu ext fa fat ff fi fiu-vro fj fo fon fr frp frr fur fy ga gag gan gcr gd gl glk gn gom gor got gpe gsw gu guc
    gur guw gv ha hak haw he hi hif ho hr hsb ht hu hy hyw hz ia iba id ie ig igl ii ik ilo inh io is it iu ja jam
    jbo jv ka kaa kab kbd kbp kcg kg kge ki kj kk kl km kn knc ko koi kr krc ks ksh ku kus kv kw ky la lad lb lbe
    lez lfn lg li lij lld lmo ln lo lrc lt ltg lv lzh mad mai map-bms mdf mg mh mhr mi min mk ml mn mni mnw mo mos
    mr mrj ms mt mus mwl my myv mzn na nah nan nap nb nds nds-nl ne new ng nia nl nn no nov nqo nr nrm nso nv ny oc
    olo om or os pa pag pam pap pcd pcm pdc pfl pi pih pl pms pnb pnt ps pt pwn qu rm rmy rn ro roa-rup roa-tara rsk
    ru rue rw sa sah sat sc scn sco sd se sg sh shi shn si simple sk skr sl sm smn sn so sq sr srn ss st stq su sv
    sw syl szl szy ta tay tcy tdd te tet tg th ti tig tk tl tly tn to tpi tr trv ts tt tum tw ty tyv udm ug uk ur uz
    ve vec vep vi vls vo vro wa war wo wuu xal xh xmf yi yo yue za zea zgh zh zh-classical zh-cn zh-min-nan zh-tw
    zh-yue zu
    """
)
