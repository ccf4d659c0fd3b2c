"""The five fields, their section and its placeholder in the languages that cards are written in.

The first phrase of each list is the template's own in that language, and the one that we write; the others are what people
write. A phrase is compared by `fold`ed words, without articles; a single word names a field only inside the section.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from footprint.model import FIELD_NAMES, FieldName


class Language(NamedTuple):
    """A language's words: of the section, of the five fields, of what says nothing, and of a card's other headings."""

    code: str
    titles: tuple[str, ...]
    labels: dict[FieldName, tuple[str, ...]]
    placeholders: tuple[str, ...]
    before: tuple[str, ...]  # headings of the template that the section follows, nearest first
    after: tuple[str, ...]  # headings that follow the section
    others: tuple[str, ...]  # more headings by which a card's language is known
    colon: str = ":"

    @property
    def title(self) -> str:
        """The section's heading."""
        return self.titles[0]

    @property
    def placeholder(self) -> str:
        """What stands in a field of which nothing is known."""
        return f"[{self.placeholders[0]}]"

    def label(self, name: FieldName) -> str:
        """A field's label."""
        return self.labels[name][0]


def _language(code: str, colon: str, text: str) -> Language:
    """A language from its table: a key at the start of a line, its phrases between bars, also over several lines."""
    found: dict[str, tuple[str, ...]] = {}
    for part in re.split(r"\n(?=\w)", text.strip()):
        key, _, phrases = part.partition(":")
        found[key] = tuple(phrase.strip() for phrase in phrases.split("|"))
    return Language(
        code=code,
        colon=colon,
        titles=found["titles"],
        labels={name: found[name] for name in FIELD_NAMES},
        placeholders=found["placeholders"],
        before=found["before"],
        after=found["after"],
        others=found["others"],
    )


ENGLISH: Final = _language(
    "en",
    ":",
    """
titles: Environmental Impact | Environmental Impacts | Environment Impact | Environmental Impact Statement |
    Environmental Footprint | Environmental Considerations | Environmental Impression | Environmental Influence |
    Environmental Affect | Ecological Impact | Carbon Footprint | Carbon Emissions | Carbon Emission | Carbon Impact |
    CO2 Emissions | CO2 Emission | CO2 eq Emissions | CO2eq Emissions | CO2e Emissions | Emissions Information |
    Emission Information | Climate Performance Model Card | Climate Impact | Carbon Footprint Report |
    Environmental Impact and Carbon Footprint | Environmental Impact & Carbon Footprint | Environmental and Carbon Impact
hardware_type: Hardware Type | Hardware Used | Hardware | GPU | GPUs | GPU Type | GPU Model | GPUs Used |
    Training Hardware | Compute Hardware | Accelerator | Accelerators | Accelerator Type | Hardware Details |
    Hardware Configuration | Hardware Platform | Machine Type | Instance Type | Number and Type of GPUs | TPU Type |
    Hardware and Number of GPUs | Type of Hardware | Type of GPU | Chip | Chips
hours_used: Hours used | Hours | GPU Hours | TPU Hours | Device Hours | Accelerator Hours | Training Time |
    Training Duration | Training Hours | Duration | Time Used | Runtime | Wall-clock Time | Wall Time | Compute Time |
    Compute Hours | Hours Trained | Hours of Training | Time | Time to Train | Number of Hours | GPU Hours Used | GPU Time |
    Total Training Time | Total GPU Hours | Training Time in Hours | Hours for Training
cloud_provider: Cloud Provider | Cloud Service Provider | Cloud Platform | Cloud Service | Cloud | Provider |
    Infrastructure Provider | Compute Provider | Hardware Provider | Cloud Vendor | Cloud Computing Provider
compute_region: Compute Region | Region | Location | Compute Location | Cloud Region | Training Location | Training Region |
    Geographical Location | Geographic Location | Data Center Location | Datacenter Location | Data Centre Location |
    Data Center Region | Server Location | Country | Computing Region | Location of Training | Grid Region |
    Location of Compute
carbon_emitted: Carbon Emitted | Carbon Emissions | Carbon Emission | CO2 Emissions | CO2 Emission | CO2 Emitted |
    CO2eq Emissions | CO2e Emissions | CO2 eq Emissions | CO2eq Emitted | CO2e Emitted | CO2 eq Emitted | Emissions |
    Emission | CO2 | CO2eq | CO2e | Carbon Footprint | CO2 Footprint | Total Emissions | Greenhouse Gas Emissions |
    GHG Emissions | Carbon | Carbon Dioxide Emissions | Carbon Dioxide Emitted | CO2 Equivalent Emissions |
    Carbon Dioxide Equivalent | Equivalent CO2 Emissions | Carbon Equivalent Emissions
placeholders: More Information Needed
before: Model Examination | Evaluation | Evaluation Results | Eval Results | Results
after: Technical Specifications | Technical Specification | Citation | Citation Information | Citing | How to Cite |
    BibTeX | BibTeX entry and citation info | BibTeX entry and citation information | Glossary | More Information |
    Model Card Authors | Model Card Author | Model Card Contact
others: Model Details | Model Description | Uses | Usage | Direct Use | Downstream Use | Out-of-Scope Use |
    Bias, Risks, and Limitations | Limitations | Recommendations | Training Details | Training Data | Training Procedure |
    License | Acknowledgements | Contact | How to use | Intended uses & limitations | Introduction | Description |
    Presentation | Utilisation | Bias | Contacts | Example | Quickstart | Model Architecture | Performance | Installation |
    References | Overview
""",
)
FRENCH: Final = _language(
    "fr",
    " :",
    """
titles: Impact environnemental | Impacts environnementaux | Impact sur l'environnement | Impact écologique |
    Impact carbone | Empreinte carbone | Empreinte environnementale | Bilan carbone | Émissions de carbone |
    Émissions de CO2 | Impact climatique
hardware_type: Type de matériel | Matériel utilisé | Type de hardware | Hardware utilisé | Matériel | Type de GPU |
    GPU utilisé | GPU utilisés | Matériel de calcul | Matériel d'entraînement | Équipement | Équipement utilisé |
    Modèle de GPU | Type d'accélérateur
hours_used: Heures utilisées | Heures d'utilisation | Nombre d'heures | Heures | Durée d'entraînement |
    Temps d'entraînement | Durée | Temps de calcul | Heures de calcul | Heures GPU | Heures d'entraînement |
    Durée d'utilisation | Nombre d'heures utilisées | Durée d'apprentissage | Temps d'apprentissage | Durée du calcul
cloud_provider: Fournisseur de cloud | Fournisseur cloud | Fournisseur de services cloud |
    Fournisseur de services infonuagiques | Fournisseur infonuagique | Fournisseur du cloud | Fournisseur | Hébergeur |
    Fournisseur d'infrastructure | Fournisseur de calcul
compute_region: Région de calcul | Région | Région du cloud | Région cloud | Zone géographique | Localisation géographique |
    Lieu de calcul | Localisation | Emplacement | Emplacement géographique | Lieu d'entraînement | Région d'entraînement |
    Pays | Lieu
carbon_emitted: Carbone émis | Émissions de carbone | Émissions carbone | Émissions de CO2 | Émissions CO2 | CO2 émis |
    Empreinte carbone | Émissions | Émissions de CO2eq | Émissions de gaz à effet de serre | Quantité de carbone émise |
    Émission de carbone | Émission de CO2
placeholders: Plus d'informations nécessaires | Informations supplémentaires nécessaires | Plus d'informations requises |
    Plus d'information nécessaire | Inconnu | Inconnue | Non spécifié | Non spécifiée | Non précisé | Non disponible |
    Non renseigné | À compléter | À venir | À définir | À déterminer | Information manquante | Non applicable | Sans objet
before: Examen du modèle | Évaluation | Résultats d'évaluation | Résultats
after: Spécifications techniques | Caractéristiques techniques | Citation | Comment citer | Citer | Glossaire |
    Plus d'informations | Auteurs de la fiche | Auteurs | Contact
others: Détails du modèle | Description du modèle | Description | Utilisations | Utilisation | Utilisation directe |
    Utilisation hors périmètre | Biais, risques et limites | Biais, risques et limitations | Limites |
    Limitations et biais | Recommandations | Détails de l'entraînement | Entraînement | Données d'entraînement |
    Procédure d'entraînement | Licence | Remerciements | Comment utiliser le modèle | Présentation | Données |
    Exemple d'utilisation | Performances
""",
)
GERMAN: Final = _language(
    "de",
    ":",
    """
titles: Umweltauswirkungen | Umweltauswirkung | Auswirkungen auf die Umwelt | Umweltbelastung | Umweltwirkung |
    Umweltwirkungen | Umwelteinfluss | Ökologischer Fußabdruck | Ökologische Auswirkungen | CO2-Fußabdruck |
    CO2-Emissionen | CO2-Bilanz | Klimabilanz | Klimawirkung | Kohlenstoff-Fußabdruck | Einfluss auf die Umwelt
hardware_type: Hardwaretyp | Hardware-Typ | Art der Hardware | Typ der Hardware | Verwendete Hardware | Genutzte Hardware |
    Eingesetzte Hardware | GPU-Typ | GPU-Modell | Verwendete GPUs | Verwendete GPU | Trainingshardware | Rechenhardware |
    Grafikkarte | Grafikkarten | Beschleuniger
hours_used: Genutzte Stunden | Verwendete Stunden | Benötigte Stunden | Stunden | Stundenzahl | Anzahl der Stunden |
    Trainingsdauer | Trainingszeit | Laufzeit | Rechenzeit | Dauer | Nutzungsdauer | Stunden verwendet | Rechenstunden |
    GPU-Stunden | Trainingsstunden | Nutzungsstunden | Dauer des Trainings | Dauer in Stunden
cloud_provider: Cloud-Anbieter | Cloudanbieter | Anbieter | Cloud-Dienstleister | Cloud-Dienst | Anbieter der Cloud |
    Cloud-Plattform | Infrastrukturanbieter
compute_region: Rechenregion | Compute-Region | Cloud-Region | Standort | Region der Berechnung | Rechenstandort |
    Geografischer Standort | Geographischer Standort | Standort des Rechenzentrums | Ort | Land | Ort der Berechnung |
    Serverstandort
carbon_emitted: Ausgestoßener Kohlenstoff | Emittierter Kohlenstoff | Freigesetzter Kohlenstoff | CO2-Emissionen |
    CO2-Emission | CO2-Ausstoß | Kohlenstoffemissionen | Kohlenstoffausstoß | Kohlendioxidemissionen | Kohlendioxidausstoß |
    CO2-Fußabdruck | Emissionen | Emittiertes CO2 | Ausgestoßenes CO2 | Treibhausgasemissionen | Kohlenstoff-Emissionen
placeholders: Weitere Informationen erforderlich | Weitere Informationen benötigt | Mehr Informationen benötigt |
    Mehr Informationen erforderlich | Unbekannt | Keine Angabe | Keine Angaben | Nicht angegeben | Nicht bekannt |
    Nicht verfügbar | Folgt | Noch offen | Offen | Wird ergänzt | Wird nachgereicht | Zu ergänzen | Nicht zutreffend
before: Modelluntersuchung | Evaluation | Evaluierung | Auswertung | Bewertung | Evaluationsergebnisse | Ergebnisse
after: Technische Spezifikationen | Technische Spezifikation | Technische Details | Technische Daten | Zitierung | Zitat |
    Zitation | Zitieren | Zitierweise | Glossar | Weitere Informationen | Autoren der Modellkarte | Autoren | Kontakt
others: Modelldetails | Modellbeschreibung | Beschreibung | Verwendung | Nutzung | Anwendung | Direkte Verwendung |
    Verwendungszweck | Anwendungen | Verzerrungen, Risiken und Einschränkungen | Einschränkungen | Grenzen | Risiken |
    Empfehlungen | Trainingsdetails | Trainingsdaten | Trainingsverfahren | Lizenz | Danksagung | Überblick | Einleitung |
    Daten | Datensatz | Beispiel | Bias, Risiken und Einschränkungen
""",
)
SPANISH: Final = _language(
    "es",
    ":",
    """
titles: Impacto ambiental | Impacto medioambiental | Impacto en el medio ambiente | Impactos ambientales |
    Impacto ecológico | Impacto climático | Huella de carbono | Emisiones de carbono | Emisiones de CO2 | Huella ambiental
hardware_type: Tipo de hardware | Hardware utilizado | Hardware usado | Tipo de GPU | GPU utilizada | GPUs utilizadas |
    Equipo utilizado | Tipo de equipo | Modelo de GPU | Hardware de entrenamiento | Equipo | Hardware empleado
hours_used: Horas utilizadas | Horas usadas | Horas de uso | Horas | Tiempo de entrenamiento | Duración del entrenamiento |
    Duración | Número de horas | Horas de entrenamiento | Horas de cómputo | Horas de GPU | Horas GPU | Tiempo de cómputo |
    Tiempo de uso | Horas empleadas
cloud_provider: Proveedor de nube | Proveedor de la nube | Proveedor en la nube | Proveedor cloud |
    Proveedor de servicios en la nube | Proveedor de servicios de nube | Proveedor de cloud | Proveedor |
    Proveedor de infraestructura | Proveedor de cómputo
compute_region: Región de cómputo | Región de computación | Región de cálculo | Región | Ubicación geográfica | Ubicación |
    Región de la nube | Región de procesamiento | Localización | Localización geográfica | Lugar de entrenamiento | País
carbon_emitted: Carbono emitido | Emisiones de carbono | Emisión de carbono | Emisiones de CO2 | Emisión de CO2 |
    CO2 emitido | Huella de carbono | Emisiones | Emisiones de CO2eq | Emisiones de gases de efecto invernadero
placeholders: Se necesita más información | Más información necesaria | Se requiere más información |
    Información adicional necesaria | Desconocido | Desconocida | No especificado | No especificada | No disponible |
    Por determinar | Por definir | Por completar | Pendiente | Sin información | Sin datos | No aplica | Se desconoce
before: Examen del modelo | Evaluación | Resultados de la evaluación | Resultados
after: Especificaciones técnicas | Especificación técnica | Detalles técnicos | Cita | Citación | Citar | Cómo citar |
    Glosario | Más información | Autores de la ficha | Autores | Autor | Contacto
others: Detalles del modelo | Descripción del modelo | Descripción | Usos | Uso | Uso directo | Uso fuera de alcance |
    Sesgos, riesgos y limitaciones | Sesgos | Limitaciones | Recomendaciones | Detalles de entrenamiento |
    Detalles del entrenamiento | Entrenamiento | Datos de entrenamiento | Procedimiento de entrenamiento | Licencia |
    Agradecimientos | Cómo usar el modelo | Introducción | Datos | Ejemplo de uso | Uso previsto | Usos previstos
""",
)
PORTUGUESE: Final = _language(
    "pt",
    ":",
    """
titles: Impacto ambiental | Impactos ambientais | Impacto no meio ambiente | Impacto ecológico | Impacto climático |
    Pegada de carbono | Emissões de carbono | Emissões de CO2 | Pegada ambiental
hardware_type: Tipo de hardware | Hardware utilizado | Hardware usado | Tipo de GPU | GPU utilizada | GPUs utilizadas |
    Equipamento utilizado | Tipo de equipamento | Modelo de GPU | Hardware de treinamento | Equipamento | Hardware empregado
hours_used: Horas utilizadas | Horas usadas | Horas de uso | Tempo de treinamento | Tempo de treino |
    Duração do treinamento | Duração do treino | Duração | Número de horas | Horas de treinamento | Horas de treino |
    Horas de computação | Horas de GPU | Horas GPU | Tempo de uso
cloud_provider: Provedor de nuvem | Provedor em nuvem | Provedor da nuvem | Provedor de serviços em nuvem |
    Provedor de serviços de nuvem | Fornecedor de nuvem | Fornecedor de serviços em nuvem | Provedor cloud |
    Provedor de cloud | Provedor | Fornecedor
compute_region: Região de computação | Região computacional | Região de processamento | Região | Localização geográfica |
    Localização | Região da nuvem | Região de cálculo | Local de treinamento | Local | País
carbon_emitted: Carbono emitido | Emissões de carbono | Emissão de carbono | Emissões de CO2 | Emissão de CO2 |
    CO2 emitido | Pegada de carbono | Emissões | Emissões de CO2eq | Emissões de gases de efeito estufa
placeholders: Mais informações necessárias | São necessárias mais informações | É necessária mais informação |
    Mais informação necessária | Informações adicionais necessárias | Desconhecido | Desconhecida | Não especificado |
    Não especificada | Não disponível | Não informado | A definir | A ser definido | A determinar | A completar | Pendente |
    Sem informação | Sem dados | Não aplicável | Não se aplica
before: Exame do modelo | Avaliação | Resultados da avaliação | Resultados
after: Especificações técnicas | Especificação técnica | Detalhes técnicos | Citação | Citações | Como citar | Glossário |
    Mais informações | Autores do cartão | Autores | Autor | Contato | Contacto
others: Detalhes do modelo | Descrição do modelo | Descrição | Usos | Uso | Uso direto | Uso fora do escopo |
    Vieses, riscos e limitações | Viés, riscos e limitações | Limitações | Recomendações | Detalhes do treinamento |
    Detalhes de treinamento | Treinamento | Treino | Dados de treinamento | Dados de treino | Procedimento de treinamento |
    Licença | Agradecimentos | Como usar o modelo | Introdução | Dados | Exemplo de uso | Uso pretendido | Usos pretendidos
""",
)
CHINESE: Final = _language(
    "zh",
    "\uff1a",
    """
titles: 环境影响 | 環境影響 | 对环境的影响 | 對環境的影響 | 环境影响评估 | 碳排放 | 碳排放量 | 碳足迹 | 碳足跡 |
    二氧化碳排放 | 环境影响声明
hardware_type: 硬件类型 | 硬件型号 | 硬件种类 | 使用硬件 | 使用的硬件 | 所用硬件 | 硬件 | 硬件设备 | 训练硬件 | GPU型号 |
    GPU类型 | 使用GPU | 显卡 | 显卡型号 | 计算设备 | 計算設備 | 硬體類型 | 硬體型號 | 硬體種類 | 使用硬體 | 使用的硬體 |
    硬體 | 訓練硬體 | 顯示卡
hours_used: 使用时长 | 使用小时数 | 使用的小时数 | 使用小时 | 使用时间 | 小时数 | 训练时长 | 训练时间 | 训练小时数 |
    训练用时 | 训练耗时 | 耗时 | 用时 | 时长 | 计算时长 | 计算时间 | 总时长 | 使用時長 | 使用時數 | 使用小時數 |
    使用的小時數 | 使用時間 | 小時數 | 訓練時長 | 訓練時間 | 訓練時數 | 時長 | GPU小时 | GPU小时数
cloud_provider: 云服务提供商 | 云提供商 | 云服务商 | 云供应商 | 云服务供应商 | 云厂商 | 云平台 | 云计算提供商 | 云端提供商 |
    服务提供商 | 提供商 | 雲端服務供應商 | 雲端供應商 | 雲服務提供商 | 雲端服務提供商 | 雲供應商 | 雲端平台 | 雲端提供商
compute_region: 计算区域 | 计算地区 | 计算地域 | 区域 | 地区 | 地域 | 地理位置 | 所在地区 | 云区域 | 训练地点 | 计算地点 |
    服务器位置 | 位置 | 計算區域 | 計算地區 | 運算區域 | 運算地區 | 區域 | 地區 | 雲端區域 | 訓練地點
carbon_emitted: 碳排放量 | 碳排放 | 二氧化碳排放量 | 二氧化碳排放 | CO2排放量 | CO2排放 | 排放量 | 排放的碳 | 碳足迹 |
    总碳排放量 | 温室气体排放 | 温室气体排放量 | 碳足跡 | 溫室氣體排放
placeholders: 需要更多信息 | 需要更多資訊 | 更多信息待补充 | 待补充 | 待補充 | 未知 | 暂无 | 暫無 | 无 | 無 | 待定 | 不详 |
    不詳 | 未提供 | 未说明 | 未說明 | 不适用 | 不適用 | 暂无信息 | 信息缺失 | 待更新 | 待完善
before: 模型检验 | 模型审查 | 评估 | 评估结果 | 评测 | 评测结果 | 评价 | 結果 | 结果 | 实验结果 | 評估 | 評估結果 | 評測
after: 技术规格 | 技术规范 | 技術規格 | 引用 | 引用信息 | 如何引用 | 引文 | 术语表 | 更多信息 | 更多資訊 | 模型卡作者 |
    作者 | 联系方式 | 联系我们 | 聯絡方式 | 联系人
others: 模型详情 | 模型描述 | 模型介绍 | 模型簡介 | 模型简介 | 介绍 | 简介 | 簡介 | 用途 | 使用方法 | 使用 | 如何使用 |
    使用说明 | 直接使用 | 下游使用 | 超出范围的使用 | 偏见、风险和限制 | 偏见、风险与局限性 | 局限性 | 限制 | 建议 |
    训练细节 | 训练数据 | 训练过程 | 训练详情 | 許可證 | 许可证 | 许可 | 授權 | 致谢 | 致謝 | 快速开始 | 模型詳情 |
    訓練資料 | 訓練過程 | 数据集 | 性能 | 协议 | 声明 | 更新 | 免责声明 | 概述
""",
)
JAPANESE: Final = _language(
    "ja",
    "\uff1a",
    """
titles: 環境への影響 | 環境影響 | 環境負荷 | カーボンフットプリント | 炭素排出量 | CO2排出量 | 環境への配慮
hardware_type: ハードウェアの種類 | ハードウェアタイプ | ハードウェア種別 | ハードウェア | 使用ハードウェア |
    使用したハードウェア | 学習ハードウェア | ハードウェア構成 | GPUの種類 | 使用GPU | 使用したGPU | 計算機 | 計算資源 |
    使用機材
hours_used: 使用時間 | 学習時間 | 訓練時間 | トレーニング時間 | 使用した時間 | 使用時間数 | 所要時間 | 計算時間 | 稼働時間 |
    時間 | GPU時間 | 学習にかかった時間 | 利用時間
cloud_provider: クラウドプロバイダー | クラウドプロバイダ | クラウド事業者 | クラウドサービスプロバイダー |
    クラウドサービス | クラウド提供者 | クラウドベンダー | クラウド提供元 | プロバイダー | プロバイダ | クラウド
compute_region: 計算リージョン | コンピューティングリージョン | コンピュートリージョン | クラウドリージョン | 計算地域 |
    リージョン | 地域 | 地理的位置 | 計算場所 | 場所 | 所在地 | 学習場所
carbon_emitted: 炭素排出量 | CO2排出量 | 二酸化炭素排出量 | カーボン排出量 | 排出量 | 排出された炭素 | 炭素排出 | CO2排出 |
    温室効果ガス排出量 | カーボンフットプリント | 二酸化炭素の排出量
placeholders: 詳細情報が必要です | 詳細情報が必要 | さらに情報が必要です | さらなる情報が必要です | さらに情報が必要 |
    追加情報が必要です | 追加情報が必要 | 情報が必要です | より多くの情報が必要です | 未定 | 不明 | なし | 無し | 該当なし |
    未記入 | 記載なし | 準備中 | 未記載 | 検討中
before: モデルの検証 | 評価 | 評価結果 | 結果 | 性能評価 | ベンチマーク
after: 技術仕様 | 技術的な仕様 | 技術的仕様 | 引用 | 引用情報 | 引用方法 | 用語集 | その他の情報 | 詳細情報 |
    モデルカードの作成者 | モデルカード作成者 | 著者 | 作者 | 作成者 | 連絡先 | お問い合わせ | 問い合わせ
others: モデルの詳細 | モデル詳細 | モデルの説明 | モデル概要 | モデルの概要 | 概要 | 説明 | 用途 | 使用方法 | 使い方 |
    利用方法 | 直接的な使用 | 使用例 | バイアス、リスク、制限事項 | バイアス、リスク、および制限事項 | 制限事項 | 制限 |
    限界 | 推奨事項 | 学習の詳細 | 学習データ | 学習手順 | 学習 | 訓練データ | 訓練手順 | トレーニング |
    トレーニングデータ | ライセンス | 謝辞 | はじめに | データセット | 注意事項 | 利用規約 | 開発者
""",
)
LANGUAGES: Final = (ENGLISH, FRENCH, GERMAN, SPANISH, PORTUGUESE, CHINESE, JAPANESE)
BY_CODE: Final = {language.code: language for language in LANGUAGES}

# Articles and prepositions, and words that qualify a figure but do not change what it is.
_FILLERS: Final = frozenset(
    re.findall(
        r"[a-z]+",
        """
    the a of total estimated approximate optional eq for
    le la les l d de du des un une a au en estime estimee estimees
    der die das dem den von fur gesamt geschatzt geschatzte
    el los las del un una por en y estimado estimadas estimada
    o os as do da dos das em no na para e estimado estimadas
    """,
    )
)
_CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_WORD_LETTER: Final = re.compile(r"[^\W\d_]")
_KANA: Final = re.compile("[\u3040-\u30ff]")
_WORD: Final = re.compile(r"[^\W_]+")


@lru_cache(maxsize=8192)  # cards share most of their labels and headings
def fold(text: str) -> str:
    """Words as they are compared: without case, accents, width and articles; in Chinese and Japanese without blanks."""
    text = unicodedata.normalize("NFKD", text.replace("ß", "ss")).casefold()
    letters = "".join(character for character in text if not unicodedata.combining(character))
    words = _WORD.findall(letters)
    if _CJK.search(letters):
        return "".join(words)
    return " ".join(word for word in words if word not in _FILLERS) or " ".join(words)


def _index(phrases: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for phrase, code in phrases:
        key = fold(phrase)
        found[key] = (*found.get(key, ()), code)
    return found


def _labels() -> dict[str, tuple[FieldName, tuple[str, ...]]]:
    found: dict[str, tuple[FieldName, tuple[str, ...]]] = {}
    for language in LANGUAGES:
        for name, phrases in language.labels.items():
            for phrase in phrases:
                before = found.get(fold(phrase), (name, ()))
                if before[0] == name and language.code not in before[1]:
                    found[fold(phrase)] = (name, (*before[1], language.code))
    return found


SECTION_TITLES: Final = _index((title, language.code) for language in LANGUAGES for title in language.titles)
"""Folded headings of the section, and the languages that each may be of."""

LABELS: Final = _labels()
"""Folded labels: the field, and the languages that each may be of; a language's own label of the template first."""

TEMPLATE: Final = frozenset(fold(phrases[0]) for language in LANGUAGES for phrases in language.labels.values())

_COMMON: Final = """
Hardware | GPU | GPUs | Accelerator | Accelerators | Chip | Chips | Hours | Duration | Runtime | Time | Cloud | Provider |
Region | Location | Country | Emissions | Emission | CO2 | CO2eq | CO2e | Carbon | Matériel | Équipement | Heures | Durée |
Fournisseur | Hébergeur | Localisation | Emplacement | Pays | Lieu | Stunden | Stundenzahl | Laufzeit | Dauer | Anbieter |
Standort | Ort | Land | Emissionen | Beschleuniger | Grafikkarte | Grafikkarten | Equipo | Horas | Duración | Proveedor |
Ubicación | Localización | País | Emisiones | Equipamento | Duração | Provedor | Fornecedor | Localização | Local |
Emissões | 硬件 | 硬體 | 显卡 | 顯示卡 | 小时数 | 小時數 | 耗时 | 用时 | 时长 | 時長 | 总时长 | 提供商 | 服务提供商 | 区域 |
區域 | 地区 | 地區 | 地域 | 位置 | 排放量 | ハードウェア | 計算機 | 計算資源 | 時間 | 所要時間 | 稼働時間 | クラウド |
プロバイダー | プロバイダ | リージョン | 地域 | 場所 | 所在地 | 排出量
"""
GENERIC: Final = frozenset(fold(word) for word in _COMMON.split("|"))
"""Labels that are common words: each names a field only inside the section."""

PLACEHOLDERS: Final = frozenset(fold(phrase) for language in LANGUAGES for phrase in language.placeholders)
_HEADINGS: Final = _index(
    (heading, language.code)
    for language in LANGUAGES
    for heading in (*language.titles, *language.before, *language.after, *language.others)
)


def is_heading(text: str) -> bool:
    """Whether a line is a heading of the template in one of the languages."""
    return fold(text) in _HEADINGS


def language_of(headings: Iterable[str]) -> Language:
    """The language of a card's headings: the one that most of them are known in; English where that is not clear.

    Chinese and Japanese share many headings: kana in any of them says that they are Japanese. Where most headings are written in
    these scripts their words need not be known. A heading that is spelled alike in English counts for English too, unless it
    has an accent.
    """
    texts = list(headings)
    votes = dict.fromkeys((language.code for language in LANGUAGES), 0)
    kana = False
    for text in texts:
        for code in _languages_of(text):
            votes[code] += 1
        kana = kana or (not text.isascii() and _KANA.search(text) is not None)
    chinese = sum(1 for text in texts if not text.isascii() and len(_CJK.findall(text)) * 2 > len(_WORD_LETTER.findall(text)))
    if chinese * 2 > len(texts):
        votes["zh"] = max(votes["zh"], chinese)
    if kana:
        votes["ja"] += votes["zh"]
        votes["zh"] = 0
    best = max(LANGUAGES, key=lambda language: votes[language.code])
    return best if votes[best.code] > min(1, len(texts) - 1) else ENGLISH


@lru_cache(maxsize=4096)  # cards share most of their headings
def _languages_of(heading: str) -> frozenset[str]:
    """The languages that a heading counts for."""
    codes = frozenset(_HEADINGS.get(fold(heading), ()))
    return codes if heading.isascii() else codes - {"en"}
